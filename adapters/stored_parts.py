"""What a process keeps in PostgreSQL. Each part is made, and its module imported, when it is first asked for: a
command that looks something up must not pay for what it does not use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.service_file import why_none
from adapters.settings import Settings
from domain.errors import CheckoutError

if TYPE_CHECKING:
    from adapters.kafka.messages import Received
    from adapters.postgres.basket_finder import PostgresBasketFinder
    from adapters.postgres.catalogue_facts import PostgresCatalogueFacts
    from adapters.postgres.catalogue_history import PostgresCatalogueHistory
    from adapters.postgres.catalogue_readers import PostgresCatalogueReaders
    from adapters.postgres.data_keys import PostgresDataKeys
    from adapters.postgres.database import Database
    from adapters.postgres.dead_letters import PostgresDeadLetters
    from adapters.postgres.derived_rows import PostgresDerivedRows
    from adapters.postgres.event_store import PostgresEventStore
    from adapters.postgres.feed import PostgresEventFeed
    from adapters.postgres.leadership import PostgresLeadership
    from adapters.postgres.letter_book import PostgresLetterBook
    from adapters.postgres.open_baskets import PostgresOpenBaskets
    from adapters.postgres.operator_actions import PostgresOperatorActions
    from adapters.postgres.projected_rows import PostgresProjectedRows
    from adapters.postgres.publisher_positions import PostgresPublisherPositions
    from adapters.postgres.rebuilding.rebuilds import PostgresRebuilds
    from adapters.postgres.worker_states import PostgresWorkerStates
    from adapters.privacy.master_keys import MasterKeys
    from adapters.privacy.personal_data import PersonalData
    from adapters.privacy.stores import OpenedEventFeed, SealedBasketViews, SealedEventStore

_IS_THERE = "SELECT 1 FROM events LIMIT 1"
"""Answers at all only where PostgreSQL is there and migrated."""


class NotConfigured(CheckoutError):
    """A setting that this process needs is missing; the message names it."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    from uuid_utils import uuid7

    return str(uuid7())


def master_keys(settings: Settings) -> MasterKeys | None:
    """Those of the file that the settings name; raises UnusableMasterKeys."""
    from adapters.privacy.master_keys import MasterKeys

    return None if settings.data_key_file is None else MasterKeys.read(settings.data_key_file)


class StoredParts:
    """The parts on PostgreSQL. Nothing is connected before it is used, so that a process starts, and says what
    is wrong, also while the server is away."""

    def __init__(self, settings: Settings, *, of_operators: bool = True) -> None:
        """`of_operators`: signed in to the database as operators are, who may do what neither the partner API nor
        workers may. Raises NotConfigured where no database is named."""
        self._of_operators = of_operators
        if settings.database_url is None and not (of_operators and settings.operator_database_url):
            raise NotConfigured(f"CHECKOUT_DATABASE_URL names no database, and {why_none(settings.data)}")
        self.settings = settings
        self._closing = AsyncExitStack()

    @cached_property
    def instance(self) -> str:
        """What this process calls itself."""
        return new_id()

    @cached_property
    def database(self) -> Database:
        """Raises WrongSetting where settings contradict each other, or a file of TLS cannot be used."""
        from adapters.postgres.connecting import database_url
        from adapters.postgres.database import Database

        database = Database(
            database_url(self.settings, of_operators=self._of_operators),
            size=self.settings.database_pool_size,
            timeout=self.settings.database_timeout,
        )
        self._closing.push_async_callback(database.close)
        return database

    @cached_property
    def stored(self) -> PostgresEventStore:
        """The events as they lie there."""
        from adapters.postgres.event_store import PostgresEventStore

        stored = PostgresEventStore(
            self.database,
            timeout=self.settings.database_timeout,
            answers_kept=timedelta(seconds=self.settings.idempotency_lifetime),
        )
        self._closing.push_async_callback(stored.close)
        return stored

    @cached_property
    def stored_feed(self) -> PostgresEventFeed:
        """The feed of the events as they lie there."""
        from adapters.postgres.feed import PostgresEventFeed

        feed = PostgresEventFeed(self.database)
        self._closing.push_async_callback(feed.close)
        return feed

    @cached_property
    def data_keys(self) -> PostgresDataKeys:
        from adapters.postgres.data_keys import PostgresDataKeys

        keys = PostgresDataKeys(self.database)
        self._closing.push_async_callback(keys.close)
        return keys

    @cached_property
    def privacy(self) -> PersonalData:
        """Raises UnusableMasterKeys."""
        from adapters.privacy.personal_data import PersonalData

        return PersonalData(self.data_keys, master_keys(self.settings), new_id)

    @cached_property
    def store(self) -> SealedEventStore:
        """The events with personal data open, which is sealed where they are stored."""
        from adapters.privacy.stores import SealedEventStore

        return SealedEventStore(self.stored, self.privacy)

    @cached_property
    def feed(self) -> OpenedEventFeed:
        """The feed of the events with personal data open."""
        from adapters.privacy.stores import OpenedEventFeed

        return OpenedEventFeed(self.stored_feed, self.privacy)

    @cached_property
    def views(self) -> SealedBasketViews:
        from adapters.postgres.basket_views import PostgresBasketViews
        from adapters.privacy.stores import SealedBasketViews

        return SealedBasketViews(PostgresBasketViews(self.database), self.privacy)

    @property
    def published_store(self) -> PostgresEventStore | SealedEventStore:
        """The events as they are published."""
        return self.stored if self._published_sealed else self.store

    @property
    def published_feed(self) -> PostgresEventFeed | OpenedEventFeed:
        """The feed of the events as they are published."""
        return self.stored_feed if self._published_sealed else self.feed

    @property
    def _published_sealed(self) -> bool:
        return self.settings.kafka_personal_data == "sealed"

    @cached_property
    def facts(self) -> PostgresCatalogueFacts:
        from adapters.postgres.catalogue_facts import PostgresCatalogueFacts

        facts = PostgresCatalogueFacts(self.database, self.settings.catalogue_cache_size)
        self._closing.push_async_callback(facts.close)
        return facts

    @cached_property
    def history(self) -> PostgresCatalogueHistory:
        from adapters.postgres.catalogue_history import PostgresCatalogueHistory

        return PostgresCatalogueHistory(self.database)

    @cached_property
    def catalogue_readers(self) -> PostgresCatalogueReaders:
        from adapters.postgres.catalogue_readers import PostgresCatalogueReaders

        return PostgresCatalogueReaders(self.database)

    @cached_property
    def open_baskets(self) -> PostgresOpenBaskets:
        from adapters.postgres.open_baskets import PostgresOpenBaskets

        return PostgresOpenBaskets(self.database)

    @cached_property
    def finder(self) -> PostgresBasketFinder:
        from adapters.postgres.basket_finder import PostgresBasketFinder

        finder = PostgresBasketFinder(self.database)
        self._closing.push_async_callback(finder.close)
        return finder

    @cached_property
    def operator_actions(self) -> PostgresOperatorActions:
        from adapters.postgres.operator_actions import PostgresOperatorActions

        return PostgresOperatorActions(self.database)

    @cached_property
    def leadership(self) -> PostgresLeadership:
        from adapters.postgres.leadership import PostgresLeadership

        return PostgresLeadership(self.database, instance=self.instance)

    @cached_property
    def worker_states(self) -> PostgresWorkerStates:
        from adapters.postgres.worker_states import PostgresWorkerStates

        return PostgresWorkerStates(self.database)

    @cached_property
    def rebuilds(self) -> PostgresRebuilds:
        from adapters.postgres.rebuilding.rebuilds import PostgresRebuilds

        return PostgresRebuilds(self.database, utc_now, new_id)

    @cached_property
    def parked(self) -> PostgresDeadLetters:
        from adapters.postgres.dead_letters import PostgresDeadLetters

        return PostgresDeadLetters(self.database)

    @cached_property
    def letter_book(self) -> PostgresLetterBook:
        from adapters.postgres.letter_book import PostgresLetterBook

        book = PostgresLetterBook(self.database)
        self._closing.push_async_callback(book.close)
        return book

    @cached_property
    def derived_rows(self) -> PostgresDerivedRows:
        from adapters.postgres.derived_rows import PostgresDerivedRows

        return PostgresDerivedRows(self.database)

    @cached_property
    def projected_rows(self) -> PostgresProjectedRows:
        from adapters.postgres.projected_rows import PostgresProjectedRows

        return PostgresProjectedRows(self.database)

    @cached_property
    def publisher_positions(self) -> PostgresPublisherPositions:
        from adapters.postgres.publisher_positions import PostgresPublisherPositions

        return PostgresPublisherPositions(self.database)

    async def opened_messages(self, batch: Sequence[Received]) -> Sequence[Received]:
        """Messages with what was published sealed open; raises StoreUnavailable."""
        from adapters.privacy.messages import opened_messages

        return await opened_messages(self.privacy, batch)

    async def close(self) -> None:
        """Gives up what the parts hold, those made last first."""
        await self._closing.aclose()

    async def is_ready(self) -> bool:
        """Whether PostgreSQL is there and has our tables; raises StoreUnavailable where it is away."""
        async with self.database.connection() as connection:
            await connection.execute(_IS_THERE)
        return True
