"""Baskets and a catalogue in a PostgreSQL of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.catalogue.history import PostgresCatalogueHistory
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import new_id, utc_now
from domain.basket.basket import Basket
from domain.basket.commands import Action, RequestedItem
from domain.basket.events import BasketValidated
from domain.basket.projection import BasketProjection
from domain.basket.repository import BasketRepository
from domain.catalogue.facts import Fact
from tests.builders import caller, initiate, update, validate
from tests.builders.direct_handlers import direct_handlers
from tests.builders.stored_events import decode_stored
from tests.contracts.catalogue import sourced, tombstone
from tests.servers.checkout_command import CommandResult, run_command
from tests.workers.worker_processes import event_store


@dataclass
class Shop:
    """Baskets and a catalogue in PostgreSQL, with the service's own handlers."""

    url: str
    database: DatabasePool
    store: PostgresEventStore

    def __post_init__(self) -> None:
        self.facts = PostgresCatalogue(self.database, cache_size=1)
        self.history = PostgresCatalogueHistory(self.database)
        self.views = PostgresBasketViews(self.database)
        self.projection = BasketProjection(self.store, self.views)
        self.handlers = direct_handlers(self.store, BasketRepository(self.store), self.facts, utc_now, new_id)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which commands use this database."""
        return {"CHECKOUT_DATABASE_URL": self.url, "COLUMNS": "250"}

    async def checkout(self, *arguments: object) -> CommandResult:
        """Runs a `checkout` command on this database."""
        return await run_command(*arguments, environment=self.environment)

    async def record(self, *facts: Fact) -> None:
        await self.facts.record(sourced(facts))

    async def withdraw(self, *facts: Fact) -> None:
        """By tombstones under the facts' names."""
        await self.facts.record([tombstone(fact.kind, fact.subject) for fact in facts])

    async def fill(self, *items: RequestedItem, partner: str = "acme", projected: bool = True) -> Basket:
        """A new basket, in the views as well unless they lag."""
        basket = (await self.handlers.initiate(initiate(*items), caller(partner))).basket
        if projected:
            await self.project(basket.id)
        return basket

    async def change(self, basket: Basket, *actions: Action) -> None:
        await self.handlers.update(update(basket.id, *actions), caller(basket.partner))

    async def judge(self, basket: Basket) -> int:
        """The verdict's version."""
        validated = await self.handlers.validate(validate(basket.id), caller(basket.partner))
        await self.project(basket.id)
        return validated.basket.version

    async def project(self, *basket_ids: str) -> None:
        """Brings views to the newest, as the projector does."""
        arrived = {}
        for id in basket_ids:
            arrived[id] = decode_stored(await self.store.read_events(id))
        await self.projection.apply(arrived)

    async def verdicts(self, basket_id: str) -> list[BasketValidated]:
        events = decode_stored(await self.store.read_events(basket_id))
        return [event for event in events if isinstance(event, BasketValidated)]

    async def last_position(self) -> int:
        """Of all events."""
        async with self.database.connection() as connection:
            position: int = await connection.fetchval("SELECT coalesce(max(position), 0) FROM events")
            return position


@asynccontextmanager
async def open_shop(url: str, administrator_url: str | None = None) -> AsyncIterator[Shop]:
    """Commands sign in by `url`; a test that spoils what no role may does so as the administrator."""
    async with AsyncExitStack() as stack:
        database = DatabasePool(administrator_url or url)
        stack.push_async_callback(database.close)
        store = await stack.enter_async_context(event_store(url))
        yield Shop(url, database, store)
