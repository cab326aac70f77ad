"""Dead letters as operators settle them: what was not done is done after all, or left out for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.base import Value
from domain.errors import CheckoutError
from domain.operating.actions import Operator, OperatorAction
from domain.ports import DeadLetter

Kind = Literal["basket-event", "catalogue-fact", "command", "order", "verdict", "unknown"]
"""What kind of message was not understood."""

Settlement = Literal["retried", "skipped", "released"]
"""How a letter was settled; `released`: along with its basket, by something other than a retry or a skip."""

Result = Literal["done", "failed", "waits", "left", "busy", "settled"]
"""What became of a retry or a skip.

done     the letter is settled now
failed   it could not be done; the letter stays
waits    an earlier letter of the basket comes first; nothing was tried
left     a retry of many passes it over, since it wants to be named; nothing was tried
busy     another operator is at a letter of the same basket; nothing was tried
settled  it had been settled before; nothing was tried
"""


class LetterNotFound(CheckoutError):
    """There is no such letter."""

    def __init__(self, id: int) -> None:
        super().__init__(f"there is no dead letter {id}")
        self.id = id


class StillDead(Exception):
    """A letter cannot be settled in this way; in words why."""


class Letter(Value):
    """A dead letter, in short."""

    id: int
    """A small number, for people to type; a letter that was buried later has a greater one."""
    kind: Kind
    topic: str
    """Where the message lay; `event-store` for a verdict, whose offset is its event's position."""
    partition: int
    offset: int
    code: str
    """Why it was buried, stable."""
    error: str
    """Why it was buried, in words."""
    basket_id: str | None
    """The basket that it is about."""
    parks: bool
    """Whether the basket's view waits for this letter to be settled."""
    recorded_at: AwareDatetime
    tries: int
    """How often it was retried."""
    tried_at: AwareDatetime | None
    last_error: str | None
    """What the newest retry failed on."""
    settled_at: AwareDatetime | None
    settled_by: Settlement | None


class Content(Value):
    """Bytes for people to read: as text where they are UTF-8, else in base 64."""

    encoding: Literal["utf-8", "base64"]
    text: str


class Header(Value):
    name: str
    value: Content


class ShownLetter(Value):
    """A dead letter whole: with its message as it came, and what a retry would do."""

    letter: Letter
    key: Content | None
    headers: tuple[Header, ...]
    value: Content | None
    retry: str
    """What a retry would do, in words."""
    skip: str
    """What a skip would do, in words."""
    waits_for: int | None
    """The letter of the same basket that must be settled before this one can be retried."""


class LetterPage(Value):
    """Letters in the order in which they were buried. `next_cursor` None: these are the last."""

    letters: tuple[Letter, ...]
    next_cursor: str | None


class LetterQuery(Value):
    """Which letters; None asks for any. `settled` False: only those that wait for somebody."""

    topic: str | None = None
    code: str | None = None
    basket_id: str | None = None
    settled: bool | None = False


class Outcome(Value):
    """What became of a retry or a skip of one letter."""

    id: int
    basket_id: str | None
    result: Result
    words: str
    """What was done, or why it was not."""
    along: tuple[int, ...] = ()
    """Letters of the same basket that were settled along with it."""
    waits_for: int | None = None


class LetterCount(Value):
    """How many letters of a topic and code are not settled."""

    topic: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Buried:
    """A dead letter as it is kept. `about` is the basket that it is about, whether or not it parks it."""

    id: int
    message: DeadLetter
    about: str | None
    recorded_at: datetime
    tries: int = 0
    tried_at: datetime | None = None
    last_error: str | None = None
    settled_at: datetime | None = None
    settled_by: Settlement | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a retry and a skip of a letter would do, in words. `only_by_name`: a retry wants the letter, or
    its code, to be named, and one of all letters passes it over."""

    retry: str
    skip: str
    only_by_name: bool = False


class Remedy(Protocol):
    """What is to be done about letters of some topics. Letters of one basket in these topics have one order."""

    @property
    def topics(self) -> Collection[str]: ...

    @property
    def settles_all(self) -> bool:
        """Whether what settles one letter of a basket settles its others as well."""

    def kind(self, topic: str) -> Kind: ...

    def plan(self, letter: Buried) -> Plan: ...

    async def retry(self, letter: Buried) -> str:
        """Does what was not done, and says what it did; doing it again does no harm. Raises StillDead, and
        Unavailable where nobody can tell yet."""

    async def skip(self, letter: Buried) -> str:
        """Does what must be done so that the letter can be left out, and says what that means. Raises
        StillDead where it cannot be left out, and Unavailable."""

    async def settled(self, letter: Buried) -> None:
        """Does what can only be done once the letter is settled. Raises StillDead where it is to be buried
        again, and Unavailable."""


class Claim(Protocol):
    """A letter that nobody else can settle now, nor any other one of its basket and topics."""

    @property
    def letter(self) -> Buried: ...

    @property
    def waits_for(self) -> int | None:
        """The first letter of the same order that is not settled, where that is another one."""

    @property
    def others(self) -> Sequence[int]:
        """The other letters of the same order that are not settled."""

    async def settle(self, ids: Sequence[int], by: Settlement, action: OperatorAction) -> None:
        """Settles letters and records the action, both or neither. To be called at most once."""

    async def keep(self, error: str, action: OperatorAction) -> None:
        """Notes that a retry failed, and records the action, both or neither. To be called at most once."""


class LetterBook(Protocol):
    """Where dead letters are kept. Every method raises StoreUnavailable."""

    async def page(self, query: LetterQuery, after: int, limit: int) -> Sequence[Buried]:
        """The next letters after an id, in the order of their ids, at most `limit`."""

    async def find(self, id: int) -> Buried | None: ...

    async def first_of(self, basket_id: str, topics: Collection[str]) -> int | None:
        """The first letter about a basket from these topics that is not settled."""

    def claim(
        self, id: int, basket_id: str | None, topics: Collection[str]
    ) -> AbstractAsyncContextManager[Claim | Literal["busy", "settled"]]:
        """The letter for the block, with the others of its order: those about the same basket from these
        topics. `busy`: somebody else has one of them."""

    async def reopen(self, ids: Sequence[int], error: str) -> None:
        """Makes letters that were settled unsettled again."""

    async def last_id(self) -> int:
        """The greatest id; 0: there is none."""

    async def counts(self) -> Sequence[LetterCount]:
        """Of those that are not settled; what this takes grows with their number only."""


class DeadLetterBox(Protocol):
    """Dead letters for operators, whichever way they come in. Every method raises StoreUnavailable."""

    async def list(
        self,
        cursor: str | None = None,
        limit: int = 50,
        settled: bool | None = False,
        *,
        topic: str | None = None,
        code: str | None = None,
        basket_id: str | None = None,
    ) -> LetterPage:
        """A page of letters in the order in which they were buried; raises ValueError for a cursor that was
        never given out."""

    async def show(self, id: int) -> ShownLetter:
        """One letter whole; raises LetterNotFound."""

    async def retry(self, id: int, operator: Operator) -> Outcome:
        """Does what was not done, by the kind of the letter. Where that fails the letter stays, with the
        newest error. Raises LetterNotFound, and Unavailable where a part is away: then nothing changed."""

    async def skip(self, id: int, operator: Operator) -> Outcome:
        """Leaves the letter out, so that what waits behind it may go on. Raises as `retry` does."""

    def retry_all(self, query: LetterQuery, operator: Operator) -> AsyncIterator[Outcome]:
        """Retries the letters that a query finds, in the order in which they were buried, those of each
        basket until one stays. Letters that are buried meanwhile are left to the next time."""

    async def counts(self) -> Sequence[LetterCount]:
        """How many letters wait, by topic and code."""
