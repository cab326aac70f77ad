"""What a process keeps in PostgreSQL. Each adapter is imported when it is created, because a command that only reads
must not pay for what it does not use."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from adapters.postgres.connection_url import database_url
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from adapters.system import new_id, utc_now

if TYPE_CHECKING:
    from adapters.archive_files.folder import ArchiveFolder
    from adapters.encryption.keys import MasterKeys
    from adapters.encryption.personal_data import PersonalDataCipher
    from adapters.encryption.stores import DecryptedEventFeed, EncryptedBasketViews, EncryptedEventStore
    from adapters.postgres.archive import PostgresArchiveIndex
    from adapters.postgres.audit import PostgresAuditLog
    from adapters.postgres.catalogue.catalogue import PostgresCatalogue
    from adapters.postgres.catalogue.history import PostgresCatalogueCheckpoints, PostgresCatalogueHistory
    from adapters.postgres.checkpoints import PostgresPublisherCheckpoints
    from adapters.postgres.data_keys import PostgresDataKeys
    from adapters.postgres.dead_letter_store import PostgresDeadLetterStore
    from adapters.postgres.dead_letters import PostgresDeadLetters
    from adapters.postgres.event_partitions import EventPartitions
    from adapters.postgres.event_store.feed import PostgresEventFeed
    from adapters.postgres.event_store.store import PostgresEventStore
    from adapters.postgres.leadership import PostgresLeadership
    from adapters.postgres.read_models.basket_list import PostgresBasketList
    from adapters.postgres.read_models.basket_search import PostgresBasketSearch
    from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets
    from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit
    from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit
    from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
    from adapters.postgres.worker_status import PostgresWorkerStatusStore

# Only succeeds where PostgreSQL is available and migrated.
_PROBE = "SELECT 1 FROM events LIMIT 1"


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


C = TypeVar("C", bound=_Closable)


def read_master_keys(settings: Settings) -> MasterKeys | None:
    """The master keys of the settings' file, if they name one. Raises UnusableMasterKeys."""
    from adapters.encryption.keys import MasterKeys

    return None if settings.data_key_file is None else MasterKeys.read(settings.data_key_file)


class StorageContainer:
    """The adapters on PostgreSQL, each created on first use. None connects before it is used: so a process starts,
    and reports what is wrong, even while the server is away."""

    def __init__(self, settings: Settings, *, operator: bool) -> None:
        """`operator` signs in to the database as the operators' role, which has more rights. Raises MissingSetting
        and InvalidSetting where the settings name no usable database."""
        self.settings = settings
        self.instance = new_id()
        """The name of this process."""
        self._database_url = database_url(settings, operator=operator)
        self._closing = AsyncExitStack()

    def _closed_at_end(self, adapter: C) -> C:
        self._closing.push_async_callback(adapter.close)
        return adapter

    @cached_property
    def database(self) -> DatabasePool:
        size, timeout = self.settings.database_pool_size, self.settings.database_timeout
        return self._closed_at_end(DatabasePool(self._database_url, size=size, timeout=timeout))

    @cached_property
    def raw_event_store(self) -> PostgresEventStore:
        """The events as they are stored, with personal data encrypted."""
        from adapters.postgres.event_store.store import PostgresEventStore

        return self._closed_at_end(
            PostgresEventStore(
                self.database,
                timeout=self.settings.database_timeout,
                answers_kept=timedelta(seconds=self.settings.idempotency_lifetime),
            )
        )

    @cached_property
    def event_partitions(self) -> EventPartitions:
        from adapters.postgres.event_partitions import EventPartitions

        return EventPartitions(self.database)

    @cached_property
    def raw_event_feed(self) -> PostgresEventFeed:
        """The feed of the events as they are stored."""
        from adapters.postgres.event_store.feed import PostgresEventFeed

        return self._closed_at_end(PostgresEventFeed(self.database))

    @cached_property
    def data_keys(self) -> PostgresDataKeys:
        from adapters.postgres.data_keys import PostgresDataKeys

        return self._closed_at_end(PostgresDataKeys(self.database))

    @cached_property
    def personal_data(self) -> PersonalDataCipher:
        """Raises UnusableMasterKeys."""
        from adapters.encryption.personal_data import PersonalDataCipher

        return PersonalDataCipher(self.data_keys, read_master_keys(self.settings), new_id)

    @cached_property
    def event_store(self) -> EncryptedEventStore:
        from adapters.encryption.stores import EncryptedEventStore

        return EncryptedEventStore(self.raw_event_store, self.personal_data)

    @cached_property
    def event_feed(self) -> DecryptedEventFeed:
        from adapters.encryption.stores import DecryptedEventFeed

        return DecryptedEventFeed(self.raw_event_feed, self.personal_data)

    @cached_property
    def basket_views(self) -> EncryptedBasketViews:
        from adapters.encryption.stores import EncryptedBasketViews
        from adapters.postgres.read_models.basket_views import PostgresBasketViews

        return EncryptedBasketViews(PostgresBasketViews(self.database), self.personal_data)

    @property
    def published_event_store(self) -> PostgresEventStore | EncryptedEventStore:
        """The events as they are published."""
        return self.raw_event_store if self._publishes_encrypted else self.event_store

    @property
    def published_event_feed(self) -> PostgresEventFeed | DecryptedEventFeed:
        """The feed of the events as they are published."""
        return self.raw_event_feed if self._publishes_encrypted else self.event_feed

    @property
    def published_erasures(self) -> PostgresDataKeys | None:
        """Whose data is gone from what is published; None where that is encrypted, and so gone with the key."""
        return None if self._publishes_encrypted else self.data_keys

    @property
    def _publishes_encrypted(self) -> bool:
        return self.settings.kafka_personal_data == "sealed"

    @cached_property
    def catalogue(self) -> PostgresCatalogue:
        from adapters.postgres.catalogue.catalogue import PostgresCatalogue

        promised_for = timedelta(seconds=self.settings.promise_seconds)
        return self._closed_at_end(PostgresCatalogue(self.database, self.settings.catalogue_cache_size, promised_for))

    @cached_property
    def catalogue_history(self) -> PostgresCatalogueHistory:
        from adapters.postgres.catalogue.history import PostgresCatalogueHistory

        return PostgresCatalogueHistory(self.database)

    @cached_property
    def catalogue_checkpoints(self) -> PostgresCatalogueCheckpoints:
        from adapters.postgres.catalogue.history import PostgresCatalogueCheckpoints

        return PostgresCatalogueCheckpoints(self.database)

    @cached_property
    def open_baskets(self) -> PostgresOpenBaskets:
        from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets

        return PostgresOpenBaskets(self.database)

    @cached_property
    def basket_list(self) -> PostgresBasketList:
        from adapters.postgres.read_models.basket_list import PostgresBasketList

        return self._closed_at_end(PostgresBasketList(self.database))

    @cached_property
    def basket_search(self) -> PostgresBasketSearch:
        from adapters.postgres.read_models.basket_search import PostgresBasketSearch

        return self._closed_at_end(PostgresBasketSearch(self.database))

    @cached_property
    def archive_index(self) -> PostgresArchiveIndex:
        from adapters.postgres.archive import PostgresArchiveIndex

        return PostgresArchiveIndex(self.database)

    @cached_property
    def archive_files(self) -> ArchiveFolder:
        from adapters.archive_files.folder import ArchiveFolder

        return ArchiveFolder(self.settings.archive_folder, utc_now)

    @cached_property
    def audit_log(self) -> PostgresAuditLog:
        from adapters.postgres.audit import PostgresAuditLog

        return PostgresAuditLog(self.database)

    @cached_property
    def leadership(self) -> PostgresLeadership:
        from adapters.postgres.leadership import PostgresLeadership

        return PostgresLeadership(self.database, instance=self.instance)

    @cached_property
    def worker_status(self) -> PostgresWorkerStatusStore:
        from adapters.postgres.worker_status import PostgresWorkerStatusStore

        return PostgresWorkerStatusStore(self.database)

    @cached_property
    def rebuilds(self) -> PostgresRebuilds:
        from adapters.postgres.rebuild.rebuilds import PostgresRebuilds

        return PostgresRebuilds(self.database, utc_now, new_id)

    @cached_property
    def blocked_baskets(self) -> PostgresDeadLetters:
        from adapters.postgres.dead_letters import PostgresDeadLetters

        return PostgresDeadLetters(self.database)

    @cached_property
    def dead_letter_store(self) -> PostgresDeadLetterStore:
        from adapters.postgres.dead_letter_store import PostgresDeadLetterStore

        return self._closed_at_end(PostgresDeadLetterStore(self.database))

    @cached_property
    def read_model_audit(self) -> PostgresReadModelAudit:
        from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit

        return PostgresReadModelAudit(self.database)

    @cached_property
    def projection_audit(self) -> PostgresProjectionAudit:
        from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit

        return PostgresProjectionAudit(self.database)

    @cached_property
    def publisher_checkpoints(self) -> PostgresPublisherCheckpoints:
        from adapters.postgres.checkpoints import PostgresPublisherCheckpoints

        return PostgresPublisherCheckpoints(self.database)

    async def is_ready(self) -> bool:
        """Whether PostgreSQL is available and has the service's tables. Raises StoreUnavailable where it is away."""
        async with self.database.connection() as connection:
            await connection.execute(_PROBE)
        return True

    async def close(self) -> None:
        """Closes what the adapters hold, those created last first."""
        await self._closing.aclose()
