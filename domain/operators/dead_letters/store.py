"""Where dead letters are stored, and how their messages are retried: the ports of the dead letter service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from domain.operators.audit import OperatorAction
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterQuery, MessageKind, ResolvedBy
from domain.ports.messaging import DeadLetter

SKIPPED = "left out"


class RetryFailed(Exception):
    """A letter cannot be settled in this way; says why."""


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


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry and a skip of a letter would do, for people.

    `only_by_name`: a retry of all letters leaves it out; the letter or its code must be named.
    """

    retry: str
    skip: str
    only_by_name: bool = False


class RetryHandler(ABC):
    """Retries the messages of some topics. The letters of one basket in these topics are settled in order."""

    topics: Collection[str]
    settles_all: bool = False
    """What settles one letter of a basket settles its others as well."""

    @abstractmethod
    def kind(self, topic: str) -> MessageKind: ...

    @abstractmethod
    def plan(self, letter: StoredDeadLetter) -> RetryPlan: ...

    @abstractmethod
    async def retry(self, letter: StoredDeadLetter) -> str:
        """Does what the message asked for and returns what was done. It may be done again without harm.

        Raises RetryFailed, and Unavailable where the outcome is not known yet.
        """

    async def skip(self, letter: StoredDeadLetter) -> str:
        """Does what is needed to leave the letter out and returns what that means. Raises RetryFailed where it cannot
        be left out, and Unavailable."""
        return SKIPPED

    async def settled(self, letter: StoredDeadLetter) -> None:
        """Does what can be done only after the letter is settled. Raises RetryFailed where the letter must be opened
        again, and Unavailable."""
        return


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
