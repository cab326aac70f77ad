"""The archive's index in PostgreSQL and its files in a folder keep their contracts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.archive_files.folder import ArchiveFolder
from adapters.postgres.archive import PostgresArchiveIndex
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.republications import PostgresRepublications
from adapters.system import utc_now
from tests.contracts.archive import ArchiveFilesContract, ArchiveIndexContract
from tests.workers.worker_processes import event_store


class TestPostgresArchiveIndex(ArchiveIndexContract):
    @pytest.fixture
    async def store(self, database_url: str) -> AsyncIterator[PostgresEventStore]:
        async with event_store(database_url) as store:
            yield store

    @pytest.fixture
    def views(self, database: DatabasePool) -> PostgresBasketViews:
        return PostgresBasketViews(database)

    @pytest.fixture
    def letters(self, database: DatabasePool) -> PostgresDeadLetters:
        return PostgresDeadLetters(database)

    @pytest.fixture
    def runs(self, database: DatabasePool) -> PostgresRepublications:
        return PostgresRepublications(database)

    @pytest.fixture
    def index(self, database: DatabasePool) -> PostgresArchiveIndex:
        return PostgresArchiveIndex(database)


class TestArchiveFolder(ArchiveFilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> ArchiveFolder:
        return ArchiveFolder(tmp_path, utc_now)
