"""Where dead letters are kept while they are settled, and what is done about them: the ports of settling."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from domain.operators.audit import OperatorAction
from domain.operators.dead_letters.model import (
    DeadLetterCount,
    DeadLetterQuery,
    MessageKind,
    ResolvedBy,
)
from domain.ports.messaging import DeadLetter


class RetryFailed(Exception):
    """A letter cannot be settled in this way; in words why."""


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as it is kept. `about` is the basket that it is about, whether or not it parks it."""

    id: int
    message: DeadLetter
    about: str | None
    recorded_at: datetime
    tries: int = 0
    tried_at: datetime | None = None
    last_error: str | None = None
    settled_at: datetime | None = None
    settled_by: ResolvedBy | None = None


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry and a skip of a letter would do, in words. `only_by_name`: a retry wants the letter, or
    its code, to be named, and one of all letters passes it over."""

    retry: str
    skip: str
    only_by_name: bool = False


class RetryHandler(Protocol):
    """What is to be done about letters of some topics. Letters of one basket in these topics have one order."""

    @property
    def topics(self) -> Collection[str]: ...

    @property
    def settles_all(self) -> bool:
        """Whether what settles one letter of a basket settles its others as well."""

    def kind(self, topic: str) -> MessageKind: ...

    def plan(self, letter: StoredDeadLetter) -> RetryPlan: ...

    async def retry(self, letter: StoredDeadLetter) -> str:
        """Does what was not done, and says what it did; doing it again does no harm. Raises RetryFailed, and
        Unavailable where nobody can tell yet."""

    async def skip(self, letter: StoredDeadLetter) -> str:
        """Does what must be done so that the letter can be left out, and says what that means. Raises
        RetryFailed where it cannot be left out, and Unavailable."""

    async def settled(self, letter: StoredDeadLetter) -> None:
        """Does what can only be done once the letter is settled. Raises RetryFailed where it is to be buried
        again, and Unavailable."""


class DeadLetterClaim(Protocol):
    """A letter that nobody else can settle now, nor any other one of its basket and topics."""

    @property
    def letter(self) -> StoredDeadLetter: ...

    @property
    def waits_for(self) -> int | None:
        """The first letter of the same order that is not settled, where that is another one."""

    @property
    def others(self) -> Sequence[int]:
        """The other letters of the same order that are not settled."""

    async def settle(self, ids: Sequence[int], by: ResolvedBy, action: OperatorAction) -> None:
        """Settles letters and records the action, both or neither. To be called at most once."""

    async def keep(self, error: str, action: OperatorAction) -> None:
        """Notes that a retry failed, and records the action, both or neither. To be called at most once."""


class DeadLetterStore(Protocol):
    """Where dead letters are kept. Every method raises StoreUnavailable."""

    async def page(self, query: DeadLetterQuery, after: int, limit: int) -> Sequence[StoredDeadLetter]:
        """The next letters after an id, in the order of their ids, at most `limit`."""

    async def find(self, id: int) -> StoredDeadLetter | None: ...

    async def first_of(self, basket_id: str, topics: Collection[str]) -> int | None:
        """The first letter about a basket from these topics that is not settled."""

    def claim(
        self, id: int, basket_id: str | None, topics: Collection[str]
    ) -> AbstractAsyncContextManager[DeadLetterClaim | Literal["busy", "settled"]]:
        """The letter for the block, with the others of its order: those about the same basket from these
        topics. `busy`: somebody else has one of them."""

    async def reopen(self, ids: Sequence[int], error: str) -> None:
        """Makes letters that were settled unsettled again."""

    async def last_id(self) -> int:
        """The greatest id; 0: there is none."""

    async def counts(self) -> Sequence[DeadLetterCount]:
        """Of those that are not settled; what this takes grows with their number only."""
