"""Dead letters as operators see them, and what becomes of a retry or a skip."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

MessageKind = Literal["basket-event", "catalogue-fact", "command", "order", "verdict", "unknown"]

UNREADABLE_BATCH = "unreadable_batch"
"""The code of a letter about a batch of records that could not be read; the letter's value is the batch."""

ResolvedBy = Literal["retried", "skipped", "released"]
"""How a letter was settled; `released`: along with its basket, by something other than a retry or a skip."""

ResolutionStatus = Literal["done", "failed", "waits", "left", "busy", "settled"]
"""What became of a retry or a skip. Only `done` and `failed` were tried.

done     the letter is settled now
failed   it could not be done; the letter stays
waits    an earlier letter of the basket comes first
left     a retry of many leaves it out, because it must be named
busy     another operator works on a letter of the same basket
settled  it was settled before
"""


class DeadLetterNotFound(CheckoutError):
    def __init__(self, id: int) -> None:
        super().__init__(f"there is no dead letter {id}")
        self.id = id


class DeadLetterSummary(Value):
    """A dead letter, in short."""

    id: int
    """A small number for people to type. A later letter has a greater one."""
    kind: MessageKind
    topic: str
    """Where the message lay; `event-store` for a verdict, whose offset is its event's position."""
    partition: int
    offset: int
    code: str
    """Why it is a dead letter; stable."""
    error: str
    """Why it is a dead letter, for people."""
    basket_id: str | None
    """The basket that it is about."""
    parks: bool
    """It blocks the basket's view until it is settled."""
    recorded_at: AwareDatetime
    tries: int
    """How often it was retried."""
    tried_at: AwareDatetime | None
    last_error: str | None
    """Why the last retry failed."""
    settled_at: AwareDatetime | None
    settled_by: ResolvedBy | None


class ReadableContent(Value):
    """Bytes for people: as text where they are UTF-8, else in base 64."""

    encoding: Literal["utf-8", "base64"]
    text: str


class MessageHeader(Value):
    name: str
    value: ReadableContent


class DeadLetterDetails(Value):
    """A whole dead letter: its message as it came, and what a retry or a skip would do."""

    letter: DeadLetterSummary
    key: ReadableContent | None
    headers: tuple[MessageHeader, ...]
    value: ReadableContent | None
    retry: str
    """What a retry would do, for people."""
    skip: str
    """What a skip would do, for people."""
    waits_for: int | None
    """The letter of the same basket that must be settled before this one can be retried."""


class DeadLetterPage(Value):
    """Letters in the order in which they were recorded. `next_cursor` None: these are the last."""

    letters: tuple[DeadLetterSummary, ...]
    next_cursor: str | None


class DeadLetterQuery(Value):
    """Selects letters; None selects any. `settled` False: only those that wait for an operator."""

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
    """What was done, or why it was not, for people."""
    along: tuple[int, ...] = ()
    """Letters of the same basket that were settled along with it."""
    waits_for: int | None = None


class DeadLetterCount(Value):
    """How many letters of a topic and code wait for an operator."""

    topic: str
    code: str
    count: int
