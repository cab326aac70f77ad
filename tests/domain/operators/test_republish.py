"""The rules of republishing, on a store and a publisher in memory."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.operators.audit import Operator
from domain.operators.republish.republish import (
    ReplayContent,
    Republication,
    RepublishProgress,
    RepublishRefused,
    RepublishRequest,
    RunNotFound,
)
from domain.operators.republish.republisher import Republisher
from domain.ports.event_store import Append, NewEvent
from domain.shared.errors import BrokerUnavailable
from domain.validation.stream_fold import BASKET_VALIDATED
from tests.basket_traffic import BasketTraffic
from tests.contracts.audit import NOON
from tests.fakes.event_store import InMemoryEventStore
from tests.fakes.publisher import InMemoryBroker
from tests.fakes.republications import InMemoryRepublications

ADA = Operator(actor="ada", way="command-line", reason="a new reader")
LIVE: dict[ReplayContent, str] = {"events": "live-events", "verdicts": "live-verdicts", "states": "live-states"}


class Topics:
    ours = frozenset({*LIVE.values(), "commands"})

    def __init__(self) -> None:
        self.made: list[str] = []

    def live(self, content: ReplayContent) -> str:
        return LIVE[content]

    def usable(self, topic: str) -> bool:
        return topic != "no good"

    async def ensure(self, topic: str, content: ReplayContent) -> bool:
        self.made.append(topic)
        return True


class RepublishService:
    def __init__(self, batch_events: int = 4) -> None:
        self.store = InMemoryEventStore(lambda: NOON)
        self.runs = InMemoryRepublications()
        self.topics, self.broker = Topics(), InMemoryBroker()
        self.republisher = Republisher(
            self.store,
            self.store,
            self.runs,
            self.topics,
            self.broker.publisher,
            self._published,
            lambda: NOON,
            lambda: str(uuid.uuid4()),
            state_retention=timedelta(days=30),
            batch_events=batch_events,
        )

    async def _published(self) -> int:
        return self.broker.checkpoint().position

    async def happens(self, *streams: str, partner: str = "acme", type: str = "happened") -> None:
        """An event in each of these streams, in this order."""
        for stream in streams:
            version = len(await self.store.read_events(stream))
            event = NewEvent(type, b"{}", b'{"partner":"%s"}' % partner.encode())
            await self.store.append(Append(stream, version, [event]))

    async def begin(self, topic: str = "replay", **asked: Any) -> Republication:
        return await self.republisher.begin(RepublishRequest(topic=topic, **asked), ADA)

    async def sends(self, run: Republication, **how: Any) -> RepublishProgress:
        return await self.republisher.send(run, asyncio.Event(), **how)

    @property
    def sent(self) -> list[int]:
        """The positions in the order of sending."""
        return [replayed.event.position for replayed in self.broker.publications]


async def test_a_run_sends_the_whole_history_in_order_up_to_its_end_at_the_start() -> None:
    service = RepublishService()
    await service.happens("a", "b", "a", "a", "b", "c")
    run = await service.begin()
    await service.happens("a", "d")

    progress = await service.sends(run)

    assert service.sent == [1, 2, 3, 4, 5, 6]
    assert service.broker.sizes == [4, 2]
    assert (progress.sent, progress.position, progress.complete) == (6, 6, True)
    assert len(service.broker.read("replay")) == 6
    assert service.topics.made == ["replay"]


@pytest.mark.parametrize(
    ("asked", "positions"),
    [
        ({"from_position": 3}, [3, 4, 5, 6]),
        ({"to_position": 2}, [1, 2]),
        ({"from_position": 2, "to_position": 4}, [2, 3, 4]),
        ({"to_position": 99}, [1, 2, 3, 4, 5, 6]),
        ({"from_position": 5, "to_position": 2}, []),
        ({"basket_id": "a"}, [1, 3, 4]),
        ({"basket_id": "a", "from_position": 2, "to_position": 3}, [3]),
        ({"partner": "other"}, [5, 6]),
        ({"partner": "nobody"}, []),
    ],
)
async def test_a_run_sends_only_what_is_asked_for(asked: dict[str, Any], positions: list[int]) -> None:
    service = RepublishService(batch_events=2)
    await service.happens("a", "b", "a", "a")
    await service.happens("b", "c", partner="other")

    progress = await service.sends(await service.begin(**asked))

    assert service.sent == positions
    assert progress.complete


@pytest.mark.parametrize(
    "asked", [{}, {"from_position": 2}, {"from_position": 4}, {"basket_id": "a", "from_position": 3}]
)
async def test_requests_of_earlier_releases_are_whole_wherever_a_run_begins(asked: dict[str, Any]) -> None:
    service = RepublishService(batch_events=1)
    for stream, version, count in (("a", 0, 3), ("b", 0, 1), ("a", 3, 2)):
        cause = b'{"causationId":"%d"}' % version
        await service.store.append(Append(stream, version, [NewEvent("happened", b"{}", cause)] * count))

    await service.sends(await service.begin(**asked))

    requests = {"a": [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)], "b": [(1, 1)]}
    told = [
        (each.event.stream_id, each.event.version, (each.request.index_of(each.event.version), each.request.count))
        for each in service.broker.publications
    ]
    assert told == [(stream, version, requests[stream][version - 1]) for stream, version, _ in told]
    assert told[-1] == ("a", 5, (2, 2))


async def test_the_operator_scope_and_reason_are_recorded_before_anything_is_sent() -> None:
    service = RepublishService()
    await service.happens("a")
    run = await service.begin(partner="acme")

    (action,) = service.runs.actions
    assert (action.id, action.operator, action.type) == (run.id, ADA, "operations.history-republished.v1")
    assert action.scope["topic"] == "replay"
    assert action.scope["partner"] == "acme"
    assert action.scope["toPosition"] == 1
    assert service.sent == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"topic": "live-events"}, "is live"),
        ({"topic": "live-events", "live": True}, "was not typed again"),
        ({"topic": "live-events", "live": True, "confirmed": "live-event"}, "was not typed again"),
        ({"topic": "live-verdicts", "content": "verdicts"}, "is live"),
        ({"topic": "live-verdicts"}, "for something else"),
        ({"topic": "live-verdicts", "live": True, "confirmed": "live-verdicts"}, "for something else"),
        ({"topic": "commands", "live": True, "confirmed": "commands"}, "for something else"),
        ({"topic": "replay", "live": True, "confirmed": "replay"}, "is not live"),
        ({"topic": "no good"}, "is no name"),
    ],
)
async def test_topics_of_the_service_are_refused(asked: dict[str, Any], words: str) -> None:
    service = RepublishService()
    await service.happens("a")

    with pytest.raises(RepublishRefused, match=words):
        await service.begin(**asked)

    assert (service.topics.made, service.runs.actions) == ([], [])


async def test_a_live_topic_is_accepted_once_its_name_is_repeated() -> None:
    service = RepublishService()
    await service.happens("a")
    run = await service.begin("live-events", live=True, confirmed="live-events")
    await service.sends(run)
    assert service.sent == [1]
    assert service.runs.actions[0].scope["live"] is True


async def test_a_stopped_run_reports_its_progress_and_resumes_there() -> None:
    service = RepublishService(batch_events=2)
    await service.happens(*"abcabc")
    run = await service.begin()
    stop = asyncio.Event()

    def told(progress: RepublishProgress) -> None:
        if progress.position == 4:
            stop.set()

    stopped = await service.republisher.send(run, stop, told)
    assert (stopped.position, stopped.complete, service.sent) == (4, False, [1, 2, 3, 4])

    again = await service.republisher.resume(run.id, ADA)
    assert again == run
    assert (await service.sends(again)).complete
    assert service.sent == [1, 2, 3, 4, 5, 6]
    assert [action.scope.get("resumed") for action in service.runs.actions] == [None, True]


async def test_a_run_that_ended_sends_nothing_more() -> None:
    service = RepublishService()
    await service.happens("a", "b")
    run = await service.begin()
    await service.sends(run)
    ended = await service.republisher.resume(run.id, ADA)

    assert ended.ended_at == NOON
    assert (await service.sends(ended)).sent == 0
    assert service.sent == [1, 2]


async def test_an_unknown_run_is_not_resumed() -> None:
    with pytest.raises(RunNotFound):
        await RepublishService().republisher.resume("run-7", ADA)


async def test_a_rate_slows_a_run_and_a_stop_does_not_wait_for_it() -> None:
    service = RepublishService(batch_events=100)
    await service.happens(*"abcdefgh")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await service.sends(await service.begin(), rate=40.0)
    assert loop.time() - begun >= 8 / 40 * 0.99

    stop = asyncio.Event()
    async with asyncio.timeout(5):
        await service.republisher.send(await service.begin(), stop, lambda _: stop.set(), rate=0.01)
    assert stop.is_set()


async def test_with_a_rate_batches_hold_at_most_a_seconds_worth() -> None:
    service = RepublishService(batch_events=100)
    await service.happens(*"abc")
    stop = asyncio.Event()
    await service.republisher.send(
        await service.begin(), stop, lambda progress: stop.set() if progress.sent else None, rate=1.5
    )
    assert service.broker.sizes == [1]


async def test_whole_verdicts_are_sent_without_events_and_lost_ones_are_counted() -> None:
    service = RepublishService()
    partner = await BasketTraffic(service.store).knows_a_catalogue()
    basket = await partner.fills_a_basket()
    await service.happens("odd", type=BASKET_VALIDATED)

    progress = await service.sends(await service.begin(content="verdicts"))

    assert (progress.sent, progress.lost, progress.complete) == (2, 1, True)
    assert [replayed.event.version for replayed in service.broker.publications] == [7, 9]
    assert {replayed.event.stream_id for replayed in service.broker.publications} == {basket.id}
    assert all(replayed.verdict for replayed in service.broker.publications)


@settings(max_examples=100)
@given(
    streams=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    failing=st.sets(st.integers(1, 24)),
    batch=st.integers(1, 7),
    basket=st.sampled_from(["a", None]),
)
def test_a_run_interrupted_at_any_moments_and_resumed_leaves_no_gap_and_no_duplicate(
    streams: list[str], failing: set[int], batch: int, basket: str | None
) -> None:
    async def play() -> None:
        service = RepublishService(batch)
        await service.happens(*streams)
        service.broker.fails_at = failing
        run = await service.begin(basket_id=basket)
        for _ in range(len(failing) + 1):
            try:
                progress = await service.sends(await service.republisher.resume(run.id, ADA))
            except BrokerUnavailable:
                continue
            assert progress.complete
            break
        assert service.sent == [
            position for position, stream in enumerate(streams, start=1) if basket is None or stream == basket
        ]

    asyncio.run(play())
