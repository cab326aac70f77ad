"""How a fact is withdrawn and stated again.

A withdrawal is itself a fact: it repeats the newest fact about its subject and begins the subject's next epoch.
Facts of even epochs state something; facts of odd epochs are withdrawals. So the newest fact about a subject does
not depend on the order in which facts are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.catalogue.facts import Fact, FactKind, OfferFact
from domain.shared.values import MessageSource


@dataclass(frozen=True, slots=True)
class FactMessage:
    """A message that states a fact; `at` is the message's timestamp."""

    fact: Fact
    source: MessageSource
    key: bytes | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A message without a value. It withdraws the facts of its kind that its key names, and those last stated under
    its key."""

    kind: FactKind
    key: bytes | None
    source: MessageSource
    at: datetime | None = None

    @property
    def name(self) -> str | None:
        """The key as text; None where it cannot name a fact."""
        try:
            text = self.key.decode() if self.key else None
        except UnicodeDecodeError:
            return None
        return None if text is None or "\x00" in text else text


CatalogueMessage = FactMessage | Tombstone


def recency(fact: Fact) -> tuple[int, int]:
    """Orders the facts about one subject, the newest last."""
    return (fact.epoch, fact.sequence)


def is_withdrawn(fact: Fact) -> bool:
    return fact.epoch % 2 == 1


def keys_naming(fact: Fact) -> tuple[str, ...]:
    """The message keys that name a fact: its subject and, for an offer version, the offer's id."""
    return (fact.subject, fact.id) if isinstance(fact, OfferFact) else (fact.subject,)


def states_the_same(one: Fact, other: Fact) -> bool:
    """Whether two facts state the same, possibly in different epochs. A withdrawal states nothing."""
    return not is_withdrawn(one) and not is_withdrawn(other) and in_epoch(one, other.epoch) == other


def in_epoch(fact: Fact, epoch: int) -> Fact:
    return fact if fact.epoch == epoch else fact.model_copy(update={"epoch": epoch})


def withdrawal_of(fact: Fact) -> Fact:
    """The withdrawal of the newest fact about a subject. An offer stays known, with the status `withdrawn`; any
    other fact counts as unknown from then on."""
    changes: dict[str, object] = {"epoch": fact.epoch + 1}
    if isinstance(fact, OfferFact):
        changes["status"] = "withdrawn"
    return fact.model_copy(update=changes)


def placed_after(fact: Fact, newest: Fact | None) -> Fact:
    """The fact in the epoch in which it is recorded, given the newest fact about its subject."""
    if newest is None:
        return in_epoch(fact, 0)
    return in_epoch(fact, epoch_after(newest.epoch) if is_withdrawn(newest) else newest.epoch)


def epoch_after(withdrawal: int | None) -> int:
    """The epoch that follows the epoch of a withdrawal; None means that there was no withdrawal."""
    return 0 if withdrawal is None else withdrawal + 1


@dataclass(frozen=True, slots=True)
class SourceMark:
    """The last recorded offset of a partition, and the latest timestamp of the messages up to it."""

    offset: int
    at: datetime


def is_redelivered(mark: SourceMark | None, offset: int, at: datetime | None) -> bool:
    """Whether a message was recorded before. A known offset with a later timestamp means that the topic was
    recreated. A message without a timestamp counts as new."""
    return mark is not None and at is not None and offset <= mark.offset and at <= mark.at


def advance_mark(mark: SourceMark | None, offset: int, at: datetime | None) -> SourceMark | None:
    if at is None or is_redelivered(mark, offset, at):
        return mark
    if mark is None or offset <= mark.offset:
        return SourceMark(offset, at)
    return SourceMark(offset, max(at, mark.at))


def epoch_of_redelivered(source: MessageSource, withdrawals: Iterable[tuple[int, MessageSource]]) -> int:
    """The epoch of a redelivered message whose fact is not recorded: it follows those withdrawals, each given with
    its epoch, that lie before the message in its own partition."""
    before = [
        epoch
        for epoch, other in withdrawals
        if (other.topic, other.partition) == (source.topic, source.partition) and other.offset < source.offset
    ]
    return epoch_after(max(before, default=None))
