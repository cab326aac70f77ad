"""The catalogue worker reads the next batch while one is recorded. Here without Kafka: what is read when, and
what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest

from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.messages import Received
from domain.catalogue.epochs import CatalogueMessage
from domain.catalogue.facts import Fact
from domain.operators.status.model import LagMeasurement
from domain.ports.catalogue import RecordingResult
from domain.shared.errors import StoreUnavailable
from domain.shared.values import MessageSource
from tests.builders import offer
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.waiting import eventually
from workers.catalogue import CatalogueWorker
from workers.heartbeat import Heartbeat


class Batches:
    """One message a batch, then none; says how many were asked for and which were committed."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        messages = (
            Received(fact_message(fact), MessageSource("catalogue.offers.v1", 0, offset))
            for offset, fact in enumerate(facts)
        )
        self._batches = [[message] for message in messages]
        self.read = 0
        self.committed: list[int] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batches]:
        yield self

    async def next(self, limit: int, wait: float) -> Sequence[Received]:
        if self.read == len(self._batches):
            await asyncio.sleep(0.01)
            return []
        self.read += 1
        return self._batches[self.read - 1]

    async def commit(self, batch: Iterable[Received]) -> None:
        self.committed += [message.source.offset for message in batch]

    async def measure_lag(self) -> LagMeasurement | None:
        return None


class Waiting(InMemoryCatalogue):
    """Learns when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_learn = asyncio.Semaphore(0)
        self.away = False

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        await self.may_learn.acquire()
        if self.away:
            raise StoreUnavailable("away")
        return await super().record(messages)


def worker_of(batches: Batches, facts: Waiting) -> CatalogueWorker:
    return CatalogueWorker(cast("ConsumerGroup", batches), facts, [])


@asynccontextmanager
async def running(worker: CatalogueWorker, heartbeat: Heartbeat) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(worker.run(heartbeat))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_batch_is_read_ahead_and_each_is_committed_once_it_is_recorded() -> None:
    batches, facts, heartbeat = (
        Batches([offer("o-1"), offer("o-2"), offer("o-3")]),
        Waiting(),
        Heartbeat("catalogue"),
    )
    async with running(worker_of(batches, facts), heartbeat):
        await eventually(lambda: batches.read == 2)
        assert (batches.committed, heartbeat.is_ready) == ([], False)

        facts.may_learn.release()
        await eventually(lambda: batches.read == 3)
        assert (batches.committed, heartbeat.is_ready) == ([0], True)

        facts.may_learn.release()
        facts.may_learn.release()
        await eventually(lambda: batches.committed == [0, 1, 2])


async def test_a_batch_that_cannot_be_recorded_is_a_fault_and_nothing_is_committed() -> None:
    batches, facts, heartbeat = Batches([offer("o-1"), offer("o-2")]), Waiting(), Heartbeat("catalogue")
    facts.away = True
    async with running(worker_of(batches, facts), heartbeat) as task:
        facts.may_learn.release()
        with pytest.raises(StoreUnavailable):
            await task
    assert (batches.committed, heartbeat.is_ready) == ([], False)


async def test_a_stopped_worker_cancels_its_recording() -> None:
    batches, facts = Batches([offer("o-1")]), Waiting()
    async with running(worker_of(batches, facts), Heartbeat("catalogue")) as task:
        await eventually(lambda: batches.read == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert batches.committed == []
