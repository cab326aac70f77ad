"""Dead letters as operators settle them: what was not done is done after all, or left out for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.operators.audit import Operator
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

MessageKind = Literal["basket-event", "catalogue-fact", "command", "order", "verdict", "unknown"]
"""What kind of message was not understood."""

UNREADABLE_BATCH = "unreadable_batch"
"""The code of letters about a batch of records that could not be read; the letter's value is the batch."""

ResolvedBy = Literal["retried", "skipped", "released"]
"""How a letter was settled; `released`: along with its basket, by something other than a retry or a skip."""

ResolutionStatus = Literal["done", "failed", "waits", "left", "busy", "settled"]
"""What became of a retry or a skip.

done     the letter is settled now
failed   it could not be done; the letter stays
waits    an earlier letter of the basket comes first; nothing was tried
left     a retry of many passes it over, since it wants to be named; nothing was tried
busy     another operator is at a letter of the same basket; nothing was tried
settled  it had been settled before; nothing was tried
"""


class DeadLetterNotFound(CheckoutError):
    """There is no such letter."""

    def __init__(self, id: int) -> None:
        super().__init__(f"there is no dead letter {id}")
        self.id = id


class DeadLetterSummary(Value):
    """A dead letter, in short."""

    id: int
    """A small number, for people to type; a letter that was buried later has a greater one."""
    kind: MessageKind
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
    settled_by: ResolvedBy | None


class ReadableContent(Value):
    """Bytes for people to read: as text where they are UTF-8, else in base 64."""

    encoding: Literal["utf-8", "base64"]
    text: str


class MessageHeader(Value):
    name: str
    value: ReadableContent


class DeadLetterDetails(Value):
    """A dead letter whole: with its message as it came, and what a retry would do."""

    letter: DeadLetterSummary
    key: ReadableContent | None
    headers: tuple[MessageHeader, ...]
    value: ReadableContent | None
    retry: str
    """What a retry would do, in words."""
    skip: str
    """What a skip would do, in words."""
    waits_for: int | None
    """The letter of the same basket that must be settled before this one can be retried."""


class DeadLetterPage(Value):
    """Letters in the order in which they were buried. `next_cursor` None: these are the last."""

    letters: tuple[DeadLetterSummary, ...]
    next_cursor: str | None


class DeadLetterQuery(Value):
    """Which letters; None asks for any. `settled` False: only those that wait for somebody."""

    topic: str | None = None
    code: str | None = None
    basket_id: str | None = None
    settled: bool | None = False


class ResolutionResult(Value):
    """What became of a retry or a skip of one letter."""

    id: int
    basket_id: str | None
    result: ResolutionStatus
    words: str
    """What was done, or why it was not."""
    along: tuple[int, ...] = ()
    """Letters of the same basket that were settled along with it."""
    waits_for: int | None = None


class DeadLetterCount(Value):
    """How many letters of a topic and code are not settled."""

    topic: str
    code: str
    count: int


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
    ) -> DeadLetterPage:
        """A page of letters in the order in which they were buried; raises ValueError for a cursor that was
        never given out."""

    async def show(self, id: int) -> DeadLetterDetails:
        """One letter whole; raises DeadLetterNotFound."""

    async def retry(self, id: int, operator: Operator) -> ResolutionResult:
        """Does what was not done, by the kind of the letter. Where that fails the letter stays, with the
        newest error. Raises DeadLetterNotFound, and Unavailable where a part is away: then nothing changed."""

    async def skip(self, id: int, operator: Operator) -> ResolutionResult:
        """Leaves the letter out, so that what waits behind it may go on. Raises as `retry` does."""

    def retry_all(self, query: DeadLetterQuery, operator: Operator) -> AsyncIterator[ResolutionResult]:
        """Retries the letters that a query finds, in the order in which they were buried, those of each
        basket until one stays. Letters that are buried meanwhile are left to the next time."""

    async def counts(self) -> Sequence[DeadLetterCount]:
        """How many letters wait, by topic and code."""
