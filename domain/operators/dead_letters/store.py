"""Where dead letters are stored, for operators: a port."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from domain.operators.audit import OperatorAction
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterQuery, ResolvedBy
from domain.ports.messaging import DeadLetter


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as it is stored. `basket_id` is the basket that it is about, whether or not it blocks it."""

    id: int
    message: DeadLetter
    basket_id: str | None
    recorded_at: datetime
    tries: int = 0
    tried_at: datetime | None = None
    last_error: str | None = None
    settled_at: datetime | None = None
    settled_by: ResolvedBy | None = None


class DeadLetterClaim(Protocol):
    """Keeps a letter and the others of its basket and topics from everybody else."""

    letter: StoredDeadLetter
    waits_for: int | None
    """The first waiting letter of the same order, where that is another one."""

    @property
    def others(self) -> Sequence[int]:
        """The other waiting letters of the same order."""

    async def resolve(self, ids: Sequence[int], by: ResolvedBy, action: OperatorAction) -> None:
        """Settles the letters and records the action, both or neither. Called at most once."""

    async def record_failure(self, error: str, action: OperatorAction) -> None:
        """Records a failed retry and the action, both or neither. Called at most once."""


class DeadLetterStore(Protocol):
    """Every method raises StoreUnavailable."""

    async def page(self, query: DeadLetterQuery, after: int, limit: int) -> Sequence[StoredDeadLetter]:
        """At most `limit` letters after an id, in the order of their ids."""

    async def find(self, id: int) -> StoredDeadLetter | None: ...

    async def first_of(self, basket_id: str, topics: Collection[str]) -> int | None:
        """The first waiting letter about a basket from these topics."""

    def claim(
        self, id: int, basket_id: str | None, topics: Collection[str]
    ) -> AbstractAsyncContextManager[DeadLetterClaim | Literal["busy", "settled"]]:
        """Claims the letter for the block, with the waiting letters about the same basket from these topics.

        `busy`: somebody else has claimed one of them.
        """

    async def reopen(self, ids: Sequence[int], error: str) -> None:
        """Makes settled letters wait again."""

    async def last_id(self) -> int:
        """The greatest id; 0: there is none."""

    async def counts(self) -> Sequence[DeadLetterCount]:
        """How many wait. The cost grows only with their number."""
