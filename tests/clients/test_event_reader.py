"""Requests come whole, once and in order, whatever happens to the processes of a group."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiokafka.errors import KafkaError
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout_client.kafka import (
    EventReader,
    FailedMessages,
    Gap,
    GapDecision,
    GapDetected,
    InvalidMessage,
    MessageFailed,
    PositionLost,
    Positions,
    Request,
    Retries,
    log_and_go_on,
)
from checkout_client.kafka.messages import EVENTS_TOPIC
from tests.clients.event_messages import basket_id, event_headers, event_value
from tests.clients.fake_kafka import FakeConnection, FakeKafka

SOON = Retries(attempts=3, first_pause=0.0, longest_pause=0.0)
LIMIT = 10.0


def publish(kafka: FakeKafka, basket: int, first: int, count: int = 1, partition: int = 0, **more: str) -> None:
    """The events of a request that begins at version `first`."""
    for index in range(1, count + 1):
        name, version = basket_id(basket), first + index - 1
        headers = event_headers(name, version, index, count, **more)
        kafka.add(EVENTS_TOPIC, partition, event_value(name, version), headers, key=name)


@dataclass
class Effects:
    """What an order service keeps in its own store: what it did, and the version of each basket, in one transaction.

    A VersionStore.
    """

    versions: dict[str, int] = field(default_factory=dict)
    done: dict[str, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    running: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: int = 0

    async def get(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        await asyncio.sleep(0)
        return {id: self.versions[id] for id in basket_ids if id in self.versions}

    async def put(self, basket_id: str, version: int) -> None:
        assert self.versions[basket_id] >= version

    async def handle(self, request: Request) -> None:
        assert request.basket_id not in self.running, "two handlers at once"
        self.running.add(request.basket_id)
        try:
            await asyncio.sleep(0)
        finally:
            self.running.discard(request.basket_id)
        if self.versions.get(request.basket_id, 0) < request.last_version:
            self.done[request.basket_id].append([event.data.version for event in request.events])
            self.versions[request.basket_id] = request.last_version
        if sum(self.versions.values()) >= self.wanted:
            self.enough.set()


async def wait_on_gap(gap: Gap) -> GapDecision:
    return "wait"


def group_reader(connection: FakeConnection, effects: Effects) -> EventReader:
    return EventReader(
        connection,
        group="orders",
        versions=effects,
        from_first=True,
        on_gap=wait_on_gap,
        hold_seconds=0,
        handover_seconds=0.05,
    )


@st.composite
def topics(draw: st.DrawFn) -> tuple[FakeKafka, dict[str, list[list[int]]]]:
    """A topic with the requests of some baskets, and these requests. A basket may move to another partition, as when
    partitions are added; and parts of a partition are repeated, as when a publisher crashed."""
    logs: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    wanted: dict[str, list[list[int]]] = {}
    for basket in range(draw(st.integers(1, 4))):
        partition, version, requests = basket % 3, 1, []
        for count in draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
            if draw(st.integers(0, 9)) == 0:
                partition = (partition + 1) % 3
            logs[partition].append((basket, version, count))
            requests.append([*range(version, version + count)])
            version += count
        wanted[basket_id(basket)] = requests
    kafka = FakeKafka()
    for partition, log in logs.items():
        end = draw(st.integers(0, len(log)))
        begin = draw(st.integers(0, end))
        for basket, version, count in [*log[:end], *log[begin:end], *log[end:]]:
            publish(kafka, basket, version, count, partition)
    return kafka, wanted


@given(
    made=topics(),
    lives=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4),
    concurrency=st.integers(1, 3),
)
@settings(max_examples=60)
async def test_crashes_and_rebalances_lose_nothing_and_do_nothing_twice(
    made: tuple[FakeKafka, dict[str, list[list[int]]]], lives: list[tuple[int, bool]], concurrency: int
) -> None:
    kafka, wanted = made
    effects = Effects(wanted=sum(requests[-1][-1] for requests in wanted.values()))
    members = []
    async with asyncio.timeout(LIMIT):
        # A member stays from begin to end; others come, handle some requests, and end well or badly.
        stays = asyncio.create_task(run_until(group_reader(kafka.connection, effects), effects, concurrency))
        for most, crashes in lives:
            members.append(asyncio.create_task(live(kafka, effects, most, crashes=crashes)))
            await asyncio.sleep(0.002)
        await asyncio.gather(stays, *members)
    assert effects.done == wanted


async def run_until(reader: EventReader, effects: Effects, concurrency: int) -> None:
    """Runs until all is done."""
    async with reader:
        running = asyncio.create_task(reader.run(effects.handle, concurrency=concurrency))
        await asyncio.wait([running, asyncio.create_task(effects.enough.wait())], return_when=asyncio.FIRST_COMPLETED)
        reader.stop()
        await running


async def live(kafka: FakeKafka, effects: Effects, most: int, *, crashes: bool) -> None:
    """Handles at most so many requests. A crash forgets that the last one was handled."""
    connection = kafka.connection
    reader = group_reader(connection, effects)
    await reader.__aenter__()
    for _ in range(most):
        request = await next_unless_enough(reader, effects)
        if request is None:
            break
        await effects.handle(request)
    if crashes:
        await kafka.crash(connection.consumers[0])
    else:
        await reader.commit()
        await reader.__aexit__(None, None, None)


async def next_unless_enough(reader: EventReader, effects: Effects) -> Request | None:
    reading, enough = asyncio.ensure_future(anext(reader)), asyncio.ensure_future(effects.enough.wait())
    await asyncio.wait([reading, enough], return_when=asyncio.FIRST_COMPLETED)
    enough.cancel()
    if reading.done():
        return reading.result()
    reading.cancel()
    return None


async def some(reader: EventReader, number: int) -> list[list[int]]:
    """The versions of the next requests."""
    async with asyncio.timeout(LIMIT):
        requests = [await anext(reader) for _ in range(number)]
    return [[event.data.version for event in request.events] for request in requests]


async def test_an_event_has_its_attributes_and_its_type() -> None:
    kafka = FakeKafka()
    recorded = "2026-11-28T10:00:01Z"
    about = {"ce_correlationid": "c-1", "ce_causationid": "k-1", "ce_replay": "run-1", "ce_recordedtime": recorded}
    kafka.add(EVENTS_TOPIC, 2, event_value(basket_id(1), 1), {**event_headers(basket_id(1), 1, 1, 1), **about})
    async with EventReader(kafka.connection) as reader, asyncio.timeout(LIMIT):
        event = await anext(reader.events())
    context = event.context
    assert event.data.type == context.type == "checkout.basket-expired.v1"
    assert (context.id, context.sequence) == (f"{basket_id(1)}/1", 1)
    assert (context.request_index, context.request_count) == (1, 1)
    assert (context.correlation_id, context.causation_id, context.replay) == ("c-1", "k-1", "run-1")
    assert context.recorded_time == datetime(2026, 11, 28, 10, 0, 1, tzinfo=UTC)
    assert (context.partition, context.offset) == (2, 0)


async def test_what_was_not_finished_comes_again_after_a_restart() -> None:
    kafka = FakeKafka()
    for version in (1, 2, 3):
        publish(kafka, 1, version)
    async with EventReader(kafka.connection, group="orders") as reader:
        assert await some(reader, 2) == [[1], [2]]
    async with EventReader(kafka.connection, group="orders") as reader:
        assert await some(reader, 2) == [[2], [3]]
        await reader.commit()
    publish(kafka, 1, 4)
    async with EventReader(kafka.connection, group="orders") as reader:
        assert await some(reader, 1) == [[4]]


async def test_positions_of_ones_own_store_are_resumed_from() -> None:
    kafka = FakeKafka()
    for version in (1, 2, 3):
        publish(kafka, 1, version)
    async with EventReader(kafka.connection) as reader:
        await some(reader, 2)
        kept = reader.positions(including_current=True).to_json()
    async with EventReader(kafka.connection, start=Positions.from_json(kept)) as reader:
        assert await some(reader, 1) == [[3]]
        # A partition that was added is read from its first message on, and the others go on.
        kafka.partitions = 4
        publish(kafka, 2, 1, partition=3)
        publish(kafka, 1, 4)
        assert sorted(await some(reader, 2)) == [[1], [4]]


async def test_a_group_may_begin_at_a_moment() -> None:
    kafka = FakeKafka()
    for version in (1, 2, 3):
        name = basket_id(1)
        kafka.add(EVENTS_TOPIC, 0, event_value(name, version), event_headers(name, version, 1, 1), at=version * 1000)
    async with EventReader(kafka.connection, group="new", start=datetime.fromtimestamp(2, UTC)) as reader:
        assert await some(reader, 2) == [[2], [3]]


async def test_only_given_partitions_are_read() -> None:
    kafka = FakeKafka()
    publish(kafka, 1, 1, partition=0)
    publish(kafka, 2, 1, 2, partition=1)
    async with EventReader(kafka.connection, partitions=[1]) as reader:
        assert await some(reader, 1) == [[1, 2]]


async def test_messages_that_are_gone_before_they_were_read_are_told() -> None:
    kafka = FakeKafka()
    publish(kafka, 1, 1)
    async with EventReader(kafka.connection, group="orders") as reader:
        await some(reader, 1)
        await reader.commit()
    kafka.first = dict.fromkeys(kafka.of(EVENTS_TOPIC), 5)
    async with EventReader(kafka.connection, group="orders") as reader:
        with pytest.raises(PositionLost, match="begins at offset 5"):
            await some(reader, 1)


async def test_a_gap_that_stays_open_ends_reading_and_names_what_is_missing() -> None:
    kafka = FakeKafka()
    publish(kafka, 1, 1)
    publish(kafka, 1, 4)
    async with EventReader(kafka.connection, group="orders", hold_seconds=0) as reader:
        assert await some(reader, 1) == [[1]]
        with pytest.raises(GapDetected, match="versions 2 to 3") as detected:
            await some(reader, 1)
    assert (detected.value.gap.first, detected.value.gap.last) == (2, 3)
    assert kafka.committed["orders", kafka.of(EVENTS_TOPIC)[0]] == 1


async def test_a_gap_may_be_accepted() -> None:
    kafka = FakeKafka()

    async def accept(gap: Gap) -> GapDecision:
        return "accept"

    publish(kafka, 1, 1)
    publish(kafka, 1, 4, 2)
    async with EventReader(kafka.connection, hold_seconds=0, on_gap=accept) as reader:
        assert await some(reader, 2) == [[1], [4, 5]]


async def test_other_baskets_go_on_while_events_are_held() -> None:
    kafka = FakeKafka()
    publish(kafka, 1, 2)
    publish(kafka, 2, 1)
    async with EventReader(kafka.connection, hold_seconds=1000) as reader:
        assert await some(reader, 1) == [[1]]
        publish(kafka, 1, 1, partition=1)
        assert await some(reader, 2) == [[1], [2]]


class Failures:
    """A handler that fails for one basket, and a hook."""

    def __init__(self, reader: EventReader | None = None) -> None:
        self.tried: list[tuple[str, int]] = []
        self.given_up: list[FailedMessages] = []
        self.handled: list[str] = []
        self.both = asyncio.Event()

    async def handle(self, request: Request) -> None:
        self.tried.append((request.basket_id, request.first_version))
        if request.basket_id == basket_id(1):
            raise RuntimeError("the warehouse is closed")
        self.handled.append(request.basket_id)
        self._look()

    async def hook(self, failed: FailedMessages) -> None:
        self.given_up.append(failed)
        self._look()

    def _look(self) -> None:
        if self.given_up and self.handled:
            self.both.set()


async def test_a_request_that_fails_is_retried_and_then_taken_over_and_others_are_handled() -> None:
    kafka, failures = FakeKafka(), Failures()
    publish(kafka, 1, 1, 2)
    publish(kafka, 2, 1)
    reader = EventReader(kafka.connection, group="orders", retries=SOON, on_failure=failures.hook)
    async with reader, asyncio.timeout(LIMIT):
        running = asyncio.create_task(reader.run(failures.handle))
        await failures.both.wait()
        reader.stop()
        await running
    assert failures.tried.count((basket_id(1), 1)) == 3
    (failed,) = failures.given_up
    assert (failed.basket_id, failed.attempts, len(failed.records)) == (basket_id(1), 3, 2)
    assert "was not handled in 3 attempts: RuntimeError: the warehouse is closed" in str(failed)
    assert kafka.committed["orders", kafka.of(EVENTS_TOPIC)[0]] == 3


async def test_without_a_hook_a_failure_ends_reading_and_is_not_committed() -> None:
    kafka, failures = FakeKafka(), Failures()
    publish(kafka, 2, 1)
    publish(kafka, 1, 1)
    reader = EventReader(kafka.connection, group="orders", retries=SOON)
    async with reader, asyncio.timeout(LIMIT):
        with pytest.raises(MessageFailed, match="the warehouse is closed"):
            await reader.run(failures.handle, concurrency=4)
    assert failures.handled == [basket_id(2)]
    assert kafka.committed["orders", kafka.of(EVENTS_TOPIC)[0]] == 1


@pytest.mark.parametrize(
    ("value", "headers", "why"),
    [
        (b"{", {}, "this is no checkout.basket-expired.v1"),
        (None, {}, "this is no checkout.basket-expired.v1"),
        (b"{}", {"ce_sequence": "x"}, "the header ce_sequence is no number"),
        (b"{}", {"ce_time": "yesterday"}, "the header ce_time is no RFC 3339 time"),
        (b"{}", {"ce_id": ""}, "the header ce_id is missing"),
        (b"{}", {"ce_requestindex": "2"}, "event 2 of 1 is none of a request"),
    ],
)
async def test_a_message_that_cannot_be_read_is_handed_to_the_hook_and_never_skipped_in_silence(
    value: bytes | None, headers: dict[str, str], why: str
) -> None:
    kafka, failures = FakeKafka(), Failures()
    name = basket_id(1)
    kafka.add(EVENTS_TOPIC, 0, value, {**event_headers(name, 1, 1, 1), **headers}, key=name)
    publish(kafka, 2, 1)
    async with EventReader(kafka.connection, on_failure=failures.hook) as reader:
        assert await some(reader, 1) == [[1]]
    assert [failed.attempts for failed in failures.given_up] == [0]
    assert why in str(failures.given_up[0])
    async with EventReader(kafka.connection) as reader:
        with pytest.raises(MessageFailed) as stopped:
            await some(reader, 2)
    assert isinstance(stopped.value.failed.error, InvalidMessage)


async def test_a_commit_that_fails_at_the_end_hides_no_other_error() -> None:
    kafka = FakeKafka()
    publish(kafka, 1, 1)
    publish(kafka, 2, 1)

    async def read_two(group: str, then: Exception | None) -> None:
        kafka.commit_error = None
        async with EventReader(kafka.connection, group=group, clock=lambda: 0.0) as reader:
            await some(reader, 2)
            kafka.commit_error = KafkaError("away")
            if then is not None:
                raise then

    with pytest.raises(LookupError, match="mine"):
        await read_two("one", LookupError("mine"))
    with pytest.raises(KafkaError, match="away"):
        await read_two("another", None)


async def test_the_error_of_a_message_does_not_quote_it() -> None:
    kafka, failures = FakeKafka(), Failures()
    name, person = basket_id(1), "jane@example.org"
    value = json.dumps({"type": "checkout.basket-expired.v1", "basketId": {"email": person}}).encode()
    kafka.add(EVENTS_TOPIC, 0, value, event_headers(name, 1, 1, 1), key=name)
    publish(kafka, 2, 1)
    async with EventReader(kafka.connection, on_failure=failures.hook) as reader:
        assert await some(reader, 1) == [[1]]
    (failed,) = failures.given_up
    assert "basketId" in str(failed)
    assert person not in str(failed)


async def test_an_event_that_is_passed_over_leaves_no_gap() -> None:
    kafka = FakeKafka()
    name = basket_id(1)
    kafka.add(EVENTS_TOPIC, 0, b"{", event_headers(name, 1, 1, 1), key=name)
    publish(kafka, 1, 2)
    async with EventReader(kafka.connection, hold_seconds=0, on_failure=log_and_go_on) as reader:
        assert await some(reader, 1) == [[2]]


async def test_a_member_finishes_what_it_handles_before_another_gets_the_partition() -> None:
    kafka = FakeKafka()
    for basket in range(6):
        publish(kafka, basket, 1, partition=basket % 3)
    async with EventReader(kafka.connection, group="orders") as first, asyncio.timeout(LIMIT):
        begun = (await anext(first)).basket_id
        second = EventReader(kafka.connection, group="orders")
        joining = asyncio.create_task(second.__aenter__())
        await asyncio.sleep(0.05)
        assert not joining.done()
        seen = {begun}

        async def rest(reader: EventReader) -> None:
            async for request in reader:
                assert request.basket_id not in seen
                seen.add(request.basket_id)
                if len(seen) == 6:
                    first.stop()
                    second.stop()

        both = [asyncio.create_task(rest(first))]
        await joining
        both.append(asyncio.create_task(rest(second)))
        await asyncio.gather(*both)
        await second.__aexit__(None, None, None)


def test_contradictions_are_refused() -> None:
    kafka = FakeKafka()
    with pytest.raises(ValueError, match="a group has its own partitions"):
        EventReader(kafka.connection, group="orders", start="end")
    with pytest.raises(ValueError, match="the positions are of"):
        EventReader(kafka.connection, start=Positions("other"))
    with pytest.raises(ValueError, match="no positions"):
        Positions.from_json("[]")
