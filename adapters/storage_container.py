"""What a process keeps in PostgreSQL. Each part is made, and its module imported, when it is first asked for: a
command that looks something up must not pay for what it does not use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.service_file import why_no_service
from adapters.settings import Settings
from domain.shared.errors import CheckoutError

if TYPE_CHECKING:
    from adapters.encryption.keys import MasterKeys
    from adapters.encryption.personal_data import PersonalDataCipher
    from adapters.encryption.stores import DecryptedEventFeed, EncryptedBasketViews, EncryptedEventStore
    from adapters.kafka.messages import Received
    from adapters.postgres.audit import PostgresAuditLog
    from adapters.postgres.catalogue.catalogue import PostgresCatalogue
    from adapters.postgres.catalogue.checkpoints import PostgresCatalogueCheckpoints
    from adapters.postgres.catalogue.history import PostgresCatalogueHistory
    from adapters.postgres.checkpoints import PostgresPublisherCheckpoints
    from adapters.postgres.data_keys import PostgresDataKeys
    from adapters.postgres.dead_letter_store import PostgresDeadLetterStore
    from adapters.postgres.dead_letters import PostgresDeadLetters
    from adapters.postgres.event_store.feed import PostgresEventFeed
    from adapters.postgres.event_store.store import PostgresEventStore
    from adapters.postgres.leadership import PostgresLeadership
    from adapters.postgres.pool import DatabasePool
    from adapters.postgres.read_models.basket_search import PostgresBasketSearch
    from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets
    from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit
    from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit
    from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
    from adapters.postgres.worker_status import PostgresWorkerStatusStore

_IS_THERE = "SELECT 1 FROM events LIMIT 1"
"""Answers at all only where PostgreSQL is there and migrated."""


class MissingSetting(CheckoutError):
    """A setting that this process needs is missing; the message names it."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    from uuid_utils import uuid7

    return str(uuid7())


def read_master_keys(settings: Settings) -> MasterKeys | None:
    """Those of the file that the settings name; raises UnusableMasterKeys."""
    from adapters.encryption.keys import MasterKeys

    return None if settings.data_key_file is None else MasterKeys.read(settings.data_key_file)


class StorageContainer:
    """The parts on PostgreSQL. Nothing is connected before it is used, so that a process starts, and says what
    is wrong, also while the server is away."""

    def __init__(self, settings: Settings, *, of_operators: bool = True) -> None:
        """`of_operators`: signed in to the database as operators are, who may do what neither the partner API nor
        workers may. Raises MissingSetting where no database is named."""
        self._of_operators = of_operators
        if settings.database_url is None and not (of_operators and settings.operator_database_url):
            raise MissingSetting(
                f"CHECKOUT_DATABASE_URL names no database, and {why_no_service(settings.data)}"
            )
        self.settings = settings
        self._closing = AsyncExitStack()

    @cached_property
    def instance(self) -> str:
        """What this process calls itself."""
        return new_id()

    @cached_property
    def database(self) -> DatabasePool:
        """Raises InvalidSetting where settings contradict each other, or a file of TLS cannot be used."""
        from adapters.postgres.connection_url import database_url
        from adapters.postgres.pool import DatabasePool

        database = DatabasePool(
            database_url(self.settings, of_operators=self._of_operators),
            size=self.settings.database_pool_size,
            timeout=self.settings.database_timeout,
        )
        self._closing.push_async_callback(database.close)
        return database

    @cached_property
    def stored(self) -> PostgresEventStore:
        """The events as they lie there."""
        from adapters.postgres.event_store.store import PostgresEventStore

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
        from adapters.postgres.event_store.feed import PostgresEventFeed

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
    def privacy(self) -> PersonalDataCipher:
        """Raises UnusableMasterKeys."""
        from adapters.encryption.personal_data import PersonalDataCipher

        return PersonalDataCipher(self.data_keys, read_master_keys(self.settings), new_id)

    @cached_property
    def store(self) -> EncryptedEventStore:
        """The events with personal data open, which is sealed where they are stored."""
        from adapters.encryption.stores import EncryptedEventStore

        return EncryptedEventStore(self.stored, self.privacy)

    @cached_property
    def feed(self) -> DecryptedEventFeed:
        """The feed of the events with personal data open."""
        from adapters.encryption.stores import DecryptedEventFeed

        return DecryptedEventFeed(self.stored_feed, self.privacy)

    @cached_property
    def views(self) -> EncryptedBasketViews:
        from adapters.encryption.stores import EncryptedBasketViews
        from adapters.postgres.read_models.basket_views import PostgresBasketViews

        return EncryptedBasketViews(PostgresBasketViews(self.database), self.privacy)

    @property
    def published_store(self) -> PostgresEventStore | EncryptedEventStore:
        """The events as they are published."""
        return self.stored if self._published_sealed else self.store

    @property
    def published_feed(self) -> PostgresEventFeed | DecryptedEventFeed:
        """The feed of the events as they are published."""
        return self.stored_feed if self._published_sealed else self.feed

    @property
    def _published_sealed(self) -> bool:
        return self.settings.kafka_personal_data == "sealed"

    @cached_property
    def facts(self) -> PostgresCatalogue:
        from adapters.postgres.catalogue.catalogue import PostgresCatalogue

        facts = PostgresCatalogue(self.database, self.settings.catalogue_cache_size)
        self._closing.push_async_callback(facts.close)
        return facts

    @cached_property
    def history(self) -> PostgresCatalogueHistory:
        from adapters.postgres.catalogue.history import PostgresCatalogueHistory

        return PostgresCatalogueHistory(self.database)

    @cached_property
    def catalogue_readers(self) -> PostgresCatalogueCheckpoints:
        from adapters.postgres.catalogue.checkpoints import PostgresCatalogueCheckpoints

        return PostgresCatalogueCheckpoints(self.database)

    @cached_property
    def open_baskets(self) -> PostgresOpenBaskets:
        from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets

        return PostgresOpenBaskets(self.database)

    @cached_property
    def finder(self) -> PostgresBasketSearch:
        from adapters.postgres.read_models.basket_search import PostgresBasketSearch

        finder = PostgresBasketSearch(self.database)
        self._closing.push_async_callback(finder.close)
        return finder

    @cached_property
    def operator_actions(self) -> PostgresAuditLog:
        from adapters.postgres.audit import PostgresAuditLog

        return PostgresAuditLog(self.database)

    @cached_property
    def leadership(self) -> PostgresLeadership:
        from adapters.postgres.leadership import PostgresLeadership

        return PostgresLeadership(self.database, instance=self.instance)

    @cached_property
    def worker_states(self) -> PostgresWorkerStatusStore:
        from adapters.postgres.worker_status import PostgresWorkerStatusStore

        return PostgresWorkerStatusStore(self.database)

    @cached_property
    def rebuilds(self) -> PostgresRebuilds:
        from adapters.postgres.rebuild.rebuilds import PostgresRebuilds

        return PostgresRebuilds(self.database, utc_now, new_id)

    @cached_property
    def parked(self) -> PostgresDeadLetters:
        from adapters.postgres.dead_letters import PostgresDeadLetters

        return PostgresDeadLetters(self.database)

    @cached_property
    def letter_book(self) -> PostgresDeadLetterStore:
        from adapters.postgres.dead_letter_store import PostgresDeadLetterStore

        book = PostgresDeadLetterStore(self.database)
        self._closing.push_async_callback(book.close)
        return book

    @cached_property
    def derived_rows(self) -> PostgresReadModelAudit:
        from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit

        return PostgresReadModelAudit(self.database)

    @cached_property
    def projected_rows(self) -> PostgresProjectionAudit:
        from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit

        return PostgresProjectionAudit(self.database)

    @cached_property
    def publisher_positions(self) -> PostgresPublisherCheckpoints:
        from adapters.postgres.checkpoints import PostgresPublisherCheckpoints

        return PostgresPublisherCheckpoints(self.database)

    async def decrypt_messages(self, batch: Sequence[Received]) -> Sequence[Received]:
        """Messages with what was published sealed open; raises StoreUnavailable."""
        from adapters.encryption.stores import decrypt_published

        values = await decrypt_published(self.privacy, [received.message.value for received in batch])
        return [
            received
            if value is received.message.value
            else replace(received, message=replace(received.message, value=value))
            for received, value in zip(batch, values, strict=True)
        ]

    async def close(self) -> None:
        """Gives up what the parts hold, those made last first."""
        await self._closing.aclose()

    async def is_ready(self) -> bool:
        """Whether PostgreSQL is there and has our tables; raises StoreUnavailable where it is away."""
        async with self.database.connection() as connection:
            await connection.execute(_IS_THERE)
        return True
