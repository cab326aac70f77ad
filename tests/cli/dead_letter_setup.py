"""Operators with dead letters to settle: a service of its own, whose real workers bury what a test sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.container import Container, open_operator_container
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.basket.repository import BasketRepository
from domain.operators.audit import Operator
from domain.operators.dead_letters.model import DeadLetterQuery, DeadLetterSummary, ResolutionResult
from domain.ports.messaging import DeadLetter
from tests.basket_traffic import BasketTraffic
from tests.builders.direct_handlers import DirectHandlers, direct_handlers
from tests.servers.waiting import eventually
from tests.workers.command_gateway import command_worker
from tests.workers.running_worker import ready_worker
from tests.workers.worker_processes import projector_worker, publisher_worker
from workers.catalogue import CatalogueWorker

ADA = Operator(actor="ada", way="console", reason="the sender mended it")


@dataclass
class Office:
    """The parts of a service, and workers that run while a test wants them."""

    settings: Settings
    parts: Container
    group: str = field(default_factory=lambda: f"office-{new_id()}")

    def __post_init__(self) -> None:
        self.box = self.parts.dead_letter_service
        self.partner = BasketTraffic(self.parts.event_store)

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[None]:
        async with projector_worker(self.settings, self.group) as worker, ready_worker(worker):
            yield

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        async with publisher_worker(self.settings) as worker, ready_worker(worker):
            yield

    @asynccontextmanager
    async def learning(self) -> AsyncIterator[None]:
        subscription = self.parts.consumer_group(self.group, *CATALOGUE_TOPICS)
        worker = CatalogueWorker(subscription, self.parts.catalogue, self.parts.dead_letter_sinks)
        async with ready_worker(worker):
            yield

    @asynccontextmanager
    async def commanding(self) -> AsyncIterator[None]:
        making = command_worker(self.settings, self.group, letters=self.parts.blocked_baskets)
        async with making as worker, ready_worker(worker):
            yield

    async def buried(
        self, count: int = 1, *, basket: str | None = None, code: str | None = None
    ) -> list[DeadLetterSummary]:
        """So many letters, once they are there: others may have left theirs in the same topics."""

        async def all_there() -> list[DeadLetterSummary]:
            page = await self.box.list(limit=1000, basket_id=basket, code=code)
            assert len(page.letters) >= count
            return [*page.letters]

        letters = await eventually(all_there, every=0.05)
        assert len(letters) == count
        return letters

    async def bury(self, letter: DeadLetter) -> DeadLetterSummary:
        """As a release would that understood less than this one."""
        await self.parts.blocked_baskets.record([letter])
        return (await self.box.list(limit=1000)).letters[-1]

    async def retry_all(self, **query: str) -> list[ResolutionResult]:
        return [outcome async for outcome in self.box.retry_all(DeadLetterQuery(**query), ADA)]

    async def results(self) -> list[object]:
        """What the recorded actions say became of it, the newest first."""
        return [action.scope["result"] for action in await self.parts.audit_log.newest(None, 100)]

    def handlers(self, basket_uuid: str) -> DirectHandlers:
        """Handlers that give a basket this id, and any id to what is in it."""
        ids = iter([basket_uuid])
        store = self.parts.event_store
        return direct_handlers(
            store, BasketRepository(store), self.parts.catalogue, utc_now, lambda: next(ids, None) or new_id()
        )


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    async with open_operator_container(settings) as parts:
        yield Office(settings, parts)
