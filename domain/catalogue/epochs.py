"""How a fact is withdrawn, and said again afterwards.

A withdrawal is a fact like others: it repeats the newest fact about its subject and begins the subject's next epoch.
Epochs of even numbers say something, those of odd numbers are withdrawals, and what is said after a withdrawal begins
the epoch after it. So the newest fact about a subject does not depend on the order in which facts are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.catalogue.facts import Fact, FactKind, OfferFact
from domain.shared.values import MessageSource


@dataclass(frozen=True, slots=True)
class FactMessage:
    """A message that says a fact: under which key, where it lay, and the time that it bears."""

    fact: Fact
    source: MessageSource
    key: bytes | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A message without a value: it withdraws the facts of its kind that its key names, or that were said last under
    its key."""

    kind: FactKind
    key: bytes | None
    source: MessageSource
    at: datetime | None = None

    @property
    def name(self) -> str | None:
        """The key as text; None where it is no name of anything."""
        try:
            text = self.key.decode() if self.key else None
        except UnicodeDecodeError:
            return None
        return None if text is None or "\x00" in text else text


CatalogueMessage = FactMessage | Tombstone


def recency(fact: Fact) -> tuple[int, int]:
    """Of two facts about one subject the one with the greater age is the newer."""
    return (fact.epoch, fact.sequence)


def is_withdrawn(fact: Fact) -> bool:
    """Whether the fact is a withdrawal."""
    return fact.epoch % 2 == 1


def keys_naming(fact: Fact) -> tuple[str, ...]:
    """The keys that name a fact: its subject, and of an offer's version the offer's id."""
    return (fact.subject, fact.id) if isinstance(fact, OfferFact) else (fact.subject,)


def states_the_same(one: Fact, other: Fact) -> bool:
    """Whether two facts say the same, be it in other epochs; a withdrawal says nothing."""
    return not is_withdrawn(one) and not is_withdrawn(other) and in_epoch(one, other.epoch) == other


def in_epoch(fact: Fact, epoch: int) -> Fact:
    """The same, said in another epoch."""
    return fact if fact.epoch == epoch else fact.model_copy(update={"epoch": epoch})


def withdrawal_of(fact: Fact) -> Fact:
    """The withdrawal of the newest fact about a subject. A withdrawn offer is known as withdrawn; of others nothing
    is known any more."""
    changes: dict[str, object] = {"epoch": fact.epoch + 1}
    if isinstance(fact, OfferFact):
        changes["status"] = "withdrawn"
    return fact.model_copy(update=changes)


def placed_after(fact: Fact, newest: Fact | None) -> Fact:
    """The fact as it is recorded where it is said after the newest one about its subject (None: the first)."""
    if newest is None:
        return in_epoch(fact, 0)
    return in_epoch(fact, epoch_after(newest.epoch) if is_withdrawn(newest) else newest.epoch)


def epoch_after(withdrawal: int | None) -> int:
    """The epoch of what is said after a withdrawal of this epoch; None: there was none."""
    return 0 if withdrawal is None else withdrawal + 1


@dataclass(frozen=True, slots=True)
class SourceMark:
    """Up to which offset a partition was learned, and the latest time that a message up to there bears."""

    offset: int
    at: datetime


def is_redelivered(mark: SourceMark | None, offset: int, at: datetime | None) -> bool:
    """Whether a message was learned before. One with an offset that was seen and a later time than all of those is in
    a topic that was made anew; one without a time is news."""
    return mark is not None and at is not None and offset <= mark.offset and at <= mark.at


def advance_mark(mark: SourceMark | None, offset: int, at: datetime | None) -> SourceMark | None:
    """The mark after a message was learned."""
    if at is None or is_redelivered(mark, offset, at):
        return mark
    if mark is None or offset <= mark.offset:
        return SourceMark(offset, at)
    return SourceMark(offset, max(at, mark.at))


def epoch_of_redelivered(source: MessageSource, withdrawals: Iterable[tuple[int, MessageSource]]) -> int:
    """The epoch of a message that comes again, or late, and is not recorded: that after the withdrawals, each with
    its epoch, that its own partition holds before it."""
    before = [
        epoch
        for epoch, other in withdrawals
        if (other.topic, other.partition) == (source.topic, source.partition) and other.offset < source.offset
    ]
    return epoch_after(max(before, default=None))
