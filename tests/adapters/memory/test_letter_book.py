from __future__ import annotations

import pytest

from adapters.memory.letter_book import MemoryLetterBook
from domain.operating.letter_book import Buried
from domain.ports import DeadLetter
from tests.contracts.letter_book import Bury, LetterBookContract
from tests.contracts.operator_actions import NOON


class TestMemoryLetterBook(LetterBookContract):
    @pytest.fixture
    def book(self) -> MemoryLetterBook:
        return MemoryLetterBook(lambda: NOON)

    @pytest.fixture
    def bury(self, book: MemoryLetterBook) -> Bury:
        async def bury(letter: DeadLetter) -> int:
            id = await book.last_id() + 1
            book.bury(Buried(id, letter, letter.key.decode() if letter.key else None, NOON))
            return id

        return bury
