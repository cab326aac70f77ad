"""The judge of topics finds what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from adapters.kafka.messages import Message, tombstone_message
from adapters.kafka.publisher import publication_messages
from cli.conformance.cloud_event_rules import WireMessage
from domain.basket.request_feed import RequestFeed
from domain.ports.messaging import Publication
from domain.validation.request_assembler import RequestAssembler
from tests.chaos.topic_judge import EVENTS, STATES, VERDICTS, Consumed, TopicJudge
from tests.played_basket import play_basket


def consumed(message: Message, partition: int = 0) -> Consumed:
    return Consumed(message.topic, partition, WireMessage(message.key, message.value, message.headers))


@pytest.fixture(scope="module")
async def published() -> list[Consumed]:
    """The events and verdicts of a basket to which everything happens, as a consumer has them."""
    store = (await play_basket()).checkout.store
    requests = await RequestFeed(store, store).read(0, 1_000)
    publications: list[Publication] = []
    async for assembled in RequestAssembler(store).assemble(requests[:-1]):  # without the erasure
        request = assembled.request
        verdicts = {version: each for version, each in assembled.verdicts.items() if isinstance(each, bytes)}
        made = [Publication(event, request.span, verdicts.get(event.version)) for event in request.events]
        assert isinstance(assembled.state, bytes)
        publications += [*made[:-1], structs.replace(made[-1], state=assembled.state)]
    messages = [*publication_messages(publications), tombstone_message(publications[-1])]
    return [consumed(message) for message in messages]


def judged(messages: Sequence[Consumed]) -> list[str]:
    judge = TopicJudge()
    for message in messages:
        judge.read(message)
    judge.finish()
    return judge.faults


def with_header(message: Consumed, name: str, value: bytes) -> Consumed:
    headers = tuple((known, value if known == name else old) for known, old in message.message.headers)
    return replace(message, message=replace(message.message, headers=headers))


def with_value(message: Consumed, **changes: object) -> Consumed:
    value = json.dumps({**message.json(), **changes}).encode()
    return replace(message, message=replace(message.message, value=value))


def nth(messages: Sequence[Consumed], topic: str, number: int) -> int:
    """The index of the topic's message of this number, from 0."""
    return [index for index, message in enumerate(messages) if message.topic == topic][number]


def test_a_basket_as_it_is_published_has_no_fault(published: list[Consumed]) -> None:
    assert judged(published) == []


Plant = Callable[[list[Consumed], int], None]


def _left_out(messages: list[Consumed], at: int) -> None:
    del messages[at]


def _twice(messages: list[Consumed], at: int) -> None:
    messages.insert(at, messages[at])


def _swapped(messages: list[Consumed], at: int) -> None:
    other = next(index for index in range(at + 1, len(messages)) if messages[index].topic == messages[at].topic)
    messages[at], messages[other] = messages[other], messages[at]


def _elsewhere(messages: list[Consumed], at: int) -> None:
    messages[at] = replace(messages[at], partition=1)


def _header(name: str, value: bytes) -> Plant:
    def plant(messages: list[Consumed], at: int) -> None:
        messages[at] = with_header(messages[at], name, value)

    return plant


def _value(**changes: object) -> Plant:
    def plant(messages: list[Consumed], at: int) -> None:
        messages[at] = with_value(messages[at], **changes)

    return plant


def _emptied(messages: list[Consumed], at: int) -> None:
    tombstone = with_header(messages[at], "ce_id", messages[at].header("ce_id").replace("state", "tombstone").encode())
    messages[at] = replace(tombstone, message=replace(tombstone.message, value=None))


@pytest.mark.parametrize(
    ("topic", "plant", "fault"),
    [
        (EVENTS, _left_out, "comes after"),
        (EVENTS, _twice, "named another event before"),
        (EVENTS, _swapped, "comes after"),
        (EVENTS, _elsewhere, "lies in partition 1"),
        (EVENTS, _header("ce_sequence", b"3"), "ce_sequence is '3'"),
        (EVENTS, _header("ce_requestcount", b"9"), "of its request"),
        (EVENTS, _header("ce_requestindex", b"1"), "of its request"),
        (EVENTS, _header("ce_source", b"/partner/checkout"), "ce_source is"),
        (EVENTS, _header("ce_time", b"yesterday"), "time is not RFC 3339"),
        (EVENTS, _header("ce_partnerorg", b""), "partnerorg is empty"),
        (EVENTS, _value(occurredAt=None), "is not valid by its schema"),
        (EVENTS, _value(version=9), "another version or type"),
        (STATES, _left_out, "requests ended at"),
        (STATES, _swapped, "requests ended at"),
        (STATES, _twice, "named another event before"),
        (STATES, _header("ce_requestindex", b"1"), "not about the last event"),
        (STATES, _value(order={}), "is not the fold of its events"),
        (STATES, _emptied, "when the basket was not over"),
        (VERDICTS, _left_out, "validated at"),
        (VERDICTS, _header("ce_id", b"x"), "ce_id is 'x'"),
        (VERDICTS, _value(basketVersion=1), "names version 1"),
    ],
)
def test_each_planted_deviation_is_found(published: list[Consumed], topic: str, plant: Plant, fault: str) -> None:
    messages = [*published]
    plant(messages, nth(messages, topic, 2 if topic == EVENTS else 0))
    assert any(fault in each for each in judged(messages)), judged(messages)


def test_a_verdict_about_another_basket_is_found(published: list[Consumed]) -> None:
    messages = [*published]
    at = nth(messages, VERDICTS, 0)
    checkout = {**messages[at].json()["checkout"], "external_id": "another"}
    messages[at] = with_value(messages[at], checkout=checkout)
    (fault,) = judged(messages)
    assert "is not about the basket" in fault
