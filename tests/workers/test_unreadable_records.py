"""What foreign clients write, whole and broken, on every topic that a worker reads."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from adapters.container import open_operator_container
from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, fact_message
from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.command_executor import INITIATE
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.dead_letters import KafkaDeadLetters
from adapters.kafka.messages import Message
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.catalogue.facts import Fact
from domain.operators.dead_letters.model import UNREADABLE_BATCH
from domain.ports.event_store import Append, NewEvent
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from tests.basket_traffic import BasketTraffic, event_message, topic_content
from tests.builders import availability, offer, price
from tests.contracts.catalogue import unique
from tests.servers.foreign import send_foreign
from tests.servers.raw_batches import HEADER_BYTES, batch, payload_of, produce_raw, with_payload
from tests.servers.waiting import eventually
from tests.workers.command_gateway import CommandGateway, command, command_worker, initiate, order
from tests.workers.running_worker import RecordedDeadLetters, ready_worker, send_messages
from tests.workers.worker_processes import projector_worker
from workers.catalogue import CatalogueWorker

CODECS = ("gzip", "snappy", "lz4", "zstd")


@dataclass
class Reader:
    """A worker at work. `goes_on` sends it something good, in the given way, and returns once that is done."""

    topics: tuple[str, ...]
    goes_on: Callable[[Callable[[list[Message]], Awaitable[None]]], Awaitable[None]]
    letters: Callable[[], Awaitable[list[DeadLetter]]]


@asynccontextmanager
async def commanding(settings: Settings) -> AsyncIterator[Reader]:
    letters, gateway = RecordedDeadLetters(), CommandGateway(settings)

    async def goes_on(send: Callable[[list[Message]], Awaitable[None]]) -> None:
        asked = initiate(unique("EXT"))
        await send([asked])
        id = asked.header("ce_id") or ""

        async def begun() -> str | None:
            results = (await gateway.results([id])).get(id)
            return results[0].basket if results else None

        basket = await eventually(begun, every=0.1)
        assert basket is not None
        await send([order(basket)])

        async def completed() -> bool:
            return (await parts.event_store.read_events(basket))[-1].type == "checkout.basket-completed.v1"

        await eventually(completed, every=0.1)

    async def written() -> list[DeadLetter]:
        return letters.written

    working = command_worker(settings, unique("commands"), letters=letters)
    async with open_operator_container(settings) as parts, working as worker, ready_worker(worker):
        yield Reader((topics.COMMANDS, topics.ORDERS), goes_on, written)


@asynccontextmanager
async def learning(settings: Settings) -> AsyncIterator[Reader]:
    letters = RecordedDeadLetters()

    async def goes_on(send: Callable[[list[Message]], Awaitable[None]]) -> None:
        id = unique("o")
        said: list[Fact] = [offer(id), price(id), availability(unique("SKU"))]
        await send([fact_message(fact) for fact in said])
        ids = [fact.fact_id for fact in said]

        async def known() -> bool:
            return await parts.catalogue.count_recorded(ids) == len(ids)

        await eventually(known, every=0.1)

    async def written() -> list[DeadLetter]:
        return letters.written

    subscription = ConsumerGroup(settings, unique("catalogue"), *CATALOGUE_TOPICS)
    async with (
        open_operator_container(settings) as parts,
        ready_worker(CatalogueWorker(subscription, parts.catalogue, [letters])),
    ):
        yield Reader(CATALOGUE_TOPICS, goes_on, written)


@asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[Reader]:
    async with open_operator_container(settings) as parts:
        partner = BasketTraffic(parts.event_store)

        async def goes_on(send: Callable[[list[Message]], Awaitable[None]]) -> None:
            basket = await partner.fills_a_basket()
            events = await parts.event_store.read_events(basket.id)
            await send([event_message(event) for event in events])

            async def shown() -> bool:
                return await parts.basket_views.versions([basket.id]) == {basket.id: len(events)}

            await eventually(shown, every=0.1)

        async def written() -> list[DeadLetter]:
            found = []
            for letter in (await parts.dead_letter_service.list(limit=1000)).letters:
                stored = await parts.dead_letter_store.find(letter.id)
                assert stored is not None
                found.append(stored.message)
            return found

        async with projector_worker(settings, unique("views")) as worker, ready_worker(worker):
            yield Reader((topics.BASKET_EVENTS,), goes_on, written)


READERS = [commanding, learning, projecting]
Making = Callable[[Settings], AbstractAsyncContextManager[Reader]]


@pytest.mark.parametrize("reading", READERS)
async def test_batches_of_foreign_clients_are_understood_in_every_codec(settings: Settings, reading: Making) -> None:
    async with reading(settings) as reader:
        for codec in CODECS:

            async def send(messages: list[Message], codec: str = codec) -> None:
                send_foreign(settings, messages, **{"compression.type": codec})

            await reader.goes_on(send)


def unreadable_batch(mark: bytes) -> bytes:
    """A header's name that is no text, which no broker looks at."""
    whole = batch(mark, headers=[("name", b"value")])
    return with_payload(whole, payload_of(whole).replace(b"name", b"n\xffme"))


@pytest.mark.parametrize("reading", READERS)
async def test_an_unreadable_batch_is_a_dead_letter_and_the_worker_goes_on(settings: Settings, reading: Making) -> None:
    async with reading(settings) as reader:
        lies = {}
        for topic in reader.topics:
            mark = os.urandom(8).hex().encode()
            lies[topic, await produce_raw(settings, topic, 1, unreadable_batch(mark))] = mark
        await reader.goes_on(lambda messages: send_messages(settings, messages))

        async def buried() -> dict[tuple[str, int], DeadLetter] | None:
            found = {
                (letter.source.topic, letter.source.offset): letter
                for letter in await reader.letters()
                if letter.code == UNREADABLE_BATCH and letter.source.partition == 1
            }
            return found if lies.keys() <= found.keys() else None

        letters = await eventually(buried, every=0.1)

    assert letters is not None
    for place, mark in lies.items():
        letter = letters[place]
        assert letter.value is not None
        assert mark in letter.value[HEADER_BYTES:]
        assert (letter.key, letter.basket_id) == (None, None)
        assert letter.error.startswith(f"offset {place[1]} of {place[0]}, partition 1, cannot be read: 'utf-8'")


DEEP = b"[" * 100_000 + b"]" * 100_000
MUCH = MAX_MESSAGE_BYTES - 10_000
HEADERS: list[tuple[str, bytes]] = [
    ("ce_id", b"1"),
    ("ce_id", b"\xff"),
    ("", b""),
    ("x" * 30_000, b"\0" * 600_000),
]


@pytest.mark.parametrize("reading", READERS)
async def test_odd_records_are_dead_letters_or_pass_and_the_worker_goes_on(settings: Settings, reading: Making) -> None:
    async with reading(settings) as reader:
        mark = unique("odd").encode()
        for topic in reader.topics:
            odd = [
                Message(topic, mark, None, ()),
                Message(topic, mark, b"", ()),
                Message(topic, mark, DEEP, ()),
                Message(topic, mark, b'{"x":' + DEEP + b"}", ()),
                Message(topic, mark, b"{}", tuple(HEADERS)),
                Message(topic, b"\xff\xfe", mark, ()),
                Message(topic, mark, b"\xff" * MUCH, ()),
                Message(topic, mark, json.dumps({"a": "\0"}).encode(), ()),
            ]
            # A compacted topic takes no record without a key.
            key = mark if topic in CATALOGUE_TOPICS else None
            await send_messages(settings, [*odd, Message(topic, key, mark, ())])
            for timestamp in (-1, 0, 2**40):
                await produce_raw(settings, topic, 0, batch(b"", mark, key=key, timestamp=timestamp))
            await produce_raw(settings, topic, 0, batch(mark, headers=[("ce_id", None), ("ce_id", None)]))
        await reader.goes_on(lambda messages: send_messages(settings, messages))

        async def all_buried() -> bool:
            ours = [each for each in await reader.letters() if mark in (each.key, each.value)]
            return {each.source.topic for each in ours} == {*reader.topics} and len(ours) >= 9 * len(reader.topics)

        await eventually(all_buried, every=0.2)


async def test_a_deeply_nested_command_gets_a_problem_document(settings: Settings) -> None:
    async with command_worker(settings, unique("commands")) as worker, ready_worker(worker):
        [result] = await CommandGateway(settings).asks(command(INITIATE, b'{"order":' + DEEP + b"}"))
    assert result.status == 400


async def test_a_letter_too_large_for_its_topic_is_sent_without_its_content(settings: Settings) -> None:
    mark = unique("large")
    source = MessageSource(topics.COMMANDS, 0, 4711)
    large = DeadLetter(source, mark.encode(), b"x" * MAX_MESSAGE_BYTES, (), "no_command_id", mark, None)
    small = DeadLetter(source, mark.encode(), b"y", (), "no_command_id", "", None)

    await KafkaDeadLetters(settings, utc_now).record([small, large])

    async def both() -> bool:
        whole = await topic_content(settings, topics.DEAD_LETTERS, [mark])
        bare = [
            message
            for message in await topic_content(settings, topics.DEAD_LETTERS, [""])
            if message.message.header("dead_letter_error") == mark
        ]
        return (
            {message.message.value for message in whole} == {b"y"}
            and [message.message.value for message in bare] == [None]
            and bare[0].message.header("dead_letter_offset") == "4711"
        )

    await eventually(both, every=0.2)


async def test_an_order_for_a_broken_basket_holds_up_no_other(settings: Settings) -> None:
    basket_id = f"basket-{new_id()}"
    async with commanding(settings) as reader, open_operator_container(settings) as parts:
        odd = NewEvent("checkout.basket-initiated.v1", b'{"no":"basket"}', b"{}")
        await parts.event_store.append(Append(basket_id, 0, [odd]))
        await send_messages(settings, [order(basket_id)])
        await reader.goes_on(lambda messages: send_messages(settings, messages))

        async def buried() -> list[str]:
            return [each.code for each in await reader.letters() if each.key == basket_id.encode()]

        assert await eventually(buried) == ["order_failed"]
