"""Dead letters in memory, as they are settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

from domain.operators.audit import OperatorAction
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterQuery, ResolvedBy
from domain.operators.dead_letters.store import StoredDeadLetter
from domain.shared.values import Clock


class InMemoryDeadLetterStore:
    """DeadLetterStore, for one process; `actions` are those that were recorded."""

    def __init__(self, clock: Clock) -> None:
        self.actions: list[OperatorAction] = []
        self._clock = clock
        self._letters: dict[int, StoredDeadLetter] = {}
        self._claimed: set[int] = set()

    def add(self, letter: StoredDeadLetter) -> None:
        """Stores a letter, whose id is greater than any other."""
        self._letters[letter.id] = letter

    async def page(self, query: DeadLetterQuery, after: int, limit: int) -> Sequence[StoredDeadLetter]:
        found = [letter for id, letter in self._letters.items() if id > after and _asked_for(letter, query)]
        return found[:limit]

    async def find(self, id: int) -> StoredDeadLetter | None:
        return self._letters.get(id)

    async def first_of(self, basket_id: str, topics: Collection[str]) -> int | None:
        return next(iter(self._order(basket_id, topics)), None)

    @asynccontextmanager
    async def claim(
        self, id: int, basket_id: str | None, topics: Collection[str]
    ) -> AsyncIterator[_Claim | Literal["busy", "settled"]]:
        order = sorted({id, *self._order(basket_id, topics)})
        if self._claimed & {*order}:
            yield "busy"
        elif self._letters[id].settled_at is not None:
            yield "settled"
        else:
            self._claimed |= {*order}
            try:
                yield _Claim(self, self._letters[id], order)
            finally:
                self._claimed -= {*order}

    async def reopen(self, ids: Sequence[int], error: str) -> None:
        self.change(ids, settled_at=None, settled_by=None, last_error=error)

    async def last_id(self) -> int:
        return max(self._letters, default=0)

    async def counts(self) -> Sequence[DeadLetterCount]:
        waiting = Counter(
            (letter.message.source.topic, letter.message.code)
            for letter in self._letters.values()
            if letter.settled_at is None
        )
        return [
            DeadLetterCount(topic=topic, code=code, count=count) for (topic, code), count in sorted(waiting.items())
        ]

    def change(self, ids: Sequence[int], **values: object) -> None:
        for id in ids:
            self._letters[id] = replace(self._letters[id], **values)  # type: ignore[arg-type]

    def settle(self, ids: Sequence[int], by: ResolvedBy) -> None:
        self.change(ids, settled_at=self._clock(), settled_by=by)

    def tried(self, id: int, error: str | None) -> None:
        self.change([id], tries=self._letters[id].tries + 1, tried_at=self._clock(), last_error=error)

    def _order(self, basket_id: str | None, topics: Collection[str]) -> list[int]:
        return [
            id
            for id, letter in self._letters.items()
            if letter.settled_at is None
            and basket_id is not None
            and letter.basket_id == basket_id
            and letter.message.source.topic in topics
        ]


class _Claim:
    def __init__(self, store: InMemoryDeadLetterStore, letter: StoredDeadLetter, waiting: Sequence[int]) -> None:
        self.letter = letter
        self.others = [id for id in waiting if id != letter.id]
        self.waits_for = waiting[0] if waiting[0] != letter.id else None
        self._store = store

    async def resolve(self, ids: Sequence[int], by: ResolvedBy, action: OperatorAction) -> None:
        if by == "retried":
            self._store.tried(self.letter.id, None)
        self._store.settle(ids, by)
        self._store.actions.append(action)

    async def record_failure(self, error: str, action: OperatorAction) -> None:
        self._store.tried(self.letter.id, error)
        self._store.actions.append(action)


def _asked_for(letter: StoredDeadLetter, query: DeadLetterQuery) -> bool:
    return (
        query.topic in (None, letter.message.source.topic)
        and query.code in (None, letter.message.code)
        and query.basket_id in (None, letter.basket_id)
        and query.settled in (None, letter.settled_at is not None)
    )
