from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contracts.archive import ArchiveFilesContract, ArchiveIndexContract
from tests.fakes.archive import InMemoryArchiveFiles, InMemoryArchiveIndex
from tests.fakes.basket_views import InMemoryBasketViews, InMemoryDeadLetters
from tests.fakes.event_store import InMemoryEventStore
from tests.fakes.republications import InMemoryRepublications


def now() -> datetime:
    return datetime.now(UTC)


class TestInMemoryArchiveIndex(ArchiveIndexContract):
    @pytest.fixture
    def store(self) -> InMemoryEventStore:
        return InMemoryEventStore(now)

    @pytest.fixture
    def views(self) -> InMemoryBasketViews:
        return InMemoryBasketViews()

    @pytest.fixture
    def letters(self) -> InMemoryDeadLetters:
        return InMemoryDeadLetters()

    @pytest.fixture
    def runs(self) -> InMemoryRepublications:
        return InMemoryRepublications()

    @pytest.fixture
    def index(
        self,
        store: InMemoryEventStore,
        views: InMemoryBasketViews,
        letters: InMemoryDeadLetters,
        runs: InMemoryRepublications,
    ) -> InMemoryArchiveIndex:
        return InMemoryArchiveIndex(store, views, letters, runs, now)


class TestInMemoryArchiveFiles(ArchiveFilesContract):
    @pytest.fixture
    def files(self) -> InMemoryArchiveFiles:
        return InMemoryArchiveFiles(now)
