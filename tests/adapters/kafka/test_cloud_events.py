"""Every kind of message that we write is a conformant CloudEvent: by the official SDK, and by the specification's own
rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from msgspec import structs
from msgspec.structs import replace

from adapters.asyncapi.schemas import PUBLISHED
from adapters.kafka.command_messages import command_message, result_message
from adapters.kafka.dead_letters import dead_letter_message
from adapters.kafka.messages import (
    Message,
    Received,
    basket_event_message,
    state_message,
    tombstone_message,
    verdict_message,
)
from adapters.kafka.order_handler import OrderHandler
from adapters.kafka.order_messages import parse_order
from adapters.kafka.replay import replay_message
from adapters.kafka.topics import COMMANDS, ORDERS
from adapters.wire.responses import order_body
from cli.conformance.cloud_event_rules import CloudEventRules, WireMessage, sequence_faults
from domain.basket.request_spans import RequestSpanReader
from domain.operators.republish.republish import ReplayedEvent, Republication
from domain.ports.event_store import RenderedResponse, StoredEvent
from domain.ports.messaging import DeadLetter, Publication
from domain.shared.values import MessageSource
from domain.validation.verdict_assembler import VerdictAssembler
from tests.builders import NOW, InMemoryCheckout, caller, initiate
from tests.builders.archive import nothing_archived
from tests.fakes.promises import InMemoryPromises
from tests.played_basket import play_basket

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SCHEMAS = {published.schema()["$id"] for published in PUBLISHED}
RUN = Republication(
    id="run-1",
    topic="again",
    content="events",
    from_position=1,
    to_position=99,
    partner=None,
    basket_id=None,
    started_at=NOW,
    ended_at=None,
)


def wire(message: Message) -> WireMessage:
    return WireMessage(message.key, message.value, message.headers)


def read(message: Message) -> BaseCloudEvent:
    """As an application with the official SDK reads it."""
    return from_binary_event(KafkaMessage(dict(message.headers), message.key, message.value or b"null"))


def require_conformant(messages: Iterable[Message]) -> None:
    rules = CloudEventRules()
    for message in messages:
        assert rules.broken_by(wire(message)) == []
        event = read(message)
        assert (event.get_id(), event.get_source()) == (message.header("ce_id"), message.header("ce_source"))
        assert isinstance(event.get_time(), datetime)
        assert event.get_dataschema() == f"urn:checkout:schema:{event.get_type()}"
        assert event.get_dataschema() in SCHEMAS


async def publications_of(checkout: InMemoryCheckout, events: Sequence[StoredEvent]) -> list[Publication]:
    requests = await RequestSpanReader(checkout.store).of(events)
    verdicts = await VerdictAssembler(checkout.store).of(events)
    return [
        Publication(event, request, verdict if isinstance(verdict := verdicts.get(event.position), bytes) else None)
        for event, request in zip(events, requests, strict=True)
    ]


def without_request(event: StoredEvent) -> StoredEvent:
    """As an earlier release stored it."""
    metadata = json.loads(event.metadata)
    metadata.pop("requestVersions", None)
    return structs.replace(event, metadata=json.dumps(metadata).encode())


async def test_every_event_and_verdict_is_conformant() -> None:
    played = await play_basket()
    publications = await publications_of(played.checkout, await played.checkout.store.read(0, 1_000))
    events = [basket_event_message(each) for each in publications]
    verdicts = [verdict_message(each) for each in publications if each.verdict is not None]

    require_conformant([*events, *verdicts])
    assert [*sequence_faults(map(wire, events))] == []
    assert len(verdicts) == 2


async def test_states_and_tombstones_are_conformant() -> None:
    played = await play_basket()
    publications = await publications_of(played.checkout, await played.checkout.store.read(0, 1_000))
    ends = [each for each in publications if each.event.version == each.request.last]
    states = [state_message(replace(each, state=order_body(played.held))) for each in ends]
    require_conformant([*states, tombstone_message(ends[-1])])
    assert {message.header("ce_dataschema") for message in states} == {"urn:checkout:schema:checkout.basket.v1"}


async def test_request_index_and_count_tell_what_one_request_made() -> None:
    played = await play_basket()
    publications = await publications_of(played.checkout, await played.checkout.store.read(0, 1_000))

    events = [read(basket_event_message(each)) for each in publications]
    places = [(event.get_extension("requestindex"), event.get_extension("requestcount")) for event in events]
    assert places[:6] == [("1", "5"), ("2", "5"), ("3", "5"), ("4", "5"), ("5", "5"), ("1", "1")]
    ends = [index for index, (_, count) in enumerate(places) if places[index][0] == count]
    assert sum(int(places[end][1]) for end in ends) == len(events)


async def test_events_of_earlier_releases_are_conformant_too() -> None:
    played = await play_basket()
    stored = [without_request(event) for event in await played.checkout.store.read(0, 1_000)]
    broken = [structs.replace(event, metadata=b"{") for event in stored[:2]]
    publications = await publications_of(played.checkout, [*broken, *stored[2:]])
    require_conformant(basket_event_message(each) for each in publications)


async def test_a_replay_is_conformant_and_has_the_id_of_what_it_repeats() -> None:
    played = await play_basket()
    (first, *_) = await publications_of(played.checkout, await played.checkout.store.read(0, 1_000))
    replayed = replay_message(ReplayedEvent(first.event, first.request, run=RUN))
    require_conformant([replayed])
    event, original = read(replayed), read(basket_event_message(first))
    assert (event.get_source(), event.get_id()) == (original.get_source(), original.get_id())
    assert event.get_extension("replay") == "run-1"


@pytest.mark.parametrize(
    ("headers", "source"),
    [
        ({"ce_partnerorg": b"acme"}, "/partner/checkout/commands/acme"),
        ({"ce_partnerorg": "Äpfel & Söhne/1".encode()}, "/partner/checkout/commands/%C3%84pfel%20%26%20S%C3%B6hne%2F1"),
        ({"ce_partnerorg": b"a\nb"}, "/partner/checkout/commands"),
        ({"ce_partnerorg": b"\xff"}, "/partner/checkout/commands"),
        ({}, "/partner/checkout/commands"),
    ],
)
@pytest.mark.parametrize("basket_id", ["basket-1", None])
@pytest.mark.parametrize("id", ["c-1", "ü \U0001f9fa"])
def test_the_result_of_any_command_is_conformant(
    headers: dict[str, bytes], source: str, basket_id: str | None, id: str
) -> None:
    sent = Message(COMMANDS, None, b"{}", (("ce_id", id.encode()), *headers.items()))
    command = command_message(sent, f"{COMMANDS}/0/1@7")
    assert command is not None
    answer = RenderedResponse(409, {"ETag": '"1"'}, b'{"code":"conflict"}')
    result = result_message(command, answer, basket_id=basket_id, traceparent=TRACE, now=NOW)
    require_conformant([result])
    assert read(result).get_source() == source


def test_results_of_two_messages_with_one_command_id_are_two_events() -> None:
    sent = Message(COMMANDS, None, b"{}", (("ce_id", b"c-1"), ("ce_partnerorg", b"acme")))
    commands = [command_message(sent, f"{COMMANDS}/0/{offset}") for offset in (1, 2)]
    answer = RenderedResponse(200, {}, b"{}")
    require_conformant(
        result_message(command, answer, basket_id="basket-1", traceparent=TRACE, now=NOW)
        for command in commands
        if command is not None
    )


async def test_results_of_orders_are_conformant() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(), caller("Äpfel"))).basket.id
    handler = OrderHandler(checkout.handlers.real, InMemoryPromises(), nothing_archived, checkout.ids)
    results = []
    for offset, (basket_id, headers) in enumerate([(id, ()), (id, (("ce_id", b"r-1"),)), (f"basket-{'0' * 32}", ())]):
        value = b'{"orderId":"o-1"}'
        message = Message(ORDERS, basket_id.encode(), value, tuple(headers))
        received = Received(message, MessageSource(ORDERS, 3, offset), at=NOW)
        results.append((await handler.settle(parse_order(message.key, value), received)).result)

    require_conformant(results)
    placed, named, missing = map(read, results)
    assert placed.get_source() == named.get_source() == "/partner/checkout/orders/%C3%84pfel"
    assert missing.get_source() == "/partner/checkout/orders"
    assert [event.get_extension("correlationid") for event in (placed, named)] == [f"{ORDERS}/3/0", "r-1"]


@pytest.mark.parametrize("key", [b"basket-1", "ü".encode(), None])
@pytest.mark.parametrize("basket_id", ["basket-1", None, "a\x00"])
def test_dead_letters_are_conformant(key: bytes | None, basket_id: str | None) -> None:
    headers = [("ce_id", b"\xff"), ("ce_id", b""), ("content-type", b"text/plain"), ("CE_x", b"1")]
    letters = [
        DeadLetter(MessageSource("t", 0, offset), key, b"{", headers, "unreadable", "no\nJSON", basket_id=basket_id)
        for offset in (1, 2)
    ]
    require_conformant(dead_letter_message(letter, NOW) for letter in letters)
