from __future__ import annotations

import pytest

from domain.operators.dead_letters.store import StoredDeadLetter
from domain.ports.messaging import DeadLetter
from tests.contracts.audit import NOON
from tests.contracts.dead_letter_store import DeadLetterStoreContract, SendToDeadLetters
from tests.fakes.dead_letter_store import InMemoryDeadLetterStore


class TestInMemoryDeadLetterStore(DeadLetterStoreContract):
    @pytest.fixture
    def book(self) -> InMemoryDeadLetterStore:
        return InMemoryDeadLetterStore(lambda: NOON)

    @pytest.fixture
    def bury(self, book: InMemoryDeadLetterStore) -> SendToDeadLetters:
        async def bury(letter: DeadLetter) -> int:
            id = await book.last_id() + 1
            book.add(StoredDeadLetter(id, letter, letter.key.decode() if letter.key else None, NOON))
            return id

        return bury
