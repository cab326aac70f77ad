"""A topic that events are published to, and what became of it when it was verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.topic_checks import ExpectedMessage, TopicMessage
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import PublisherCheckpoint


class PublishedTopic(Protocol):
    """A topic that events are published to."""

    name: str
    repeats_allowed: bool
    """Whether a message may come more than once: its publisher promises at least once."""
    holds_verdicts: bool
    """Whether its messages are whole verdicts, of which those are never published whose basket cannot be folded."""

    def expected(self, event: StoredEvent) -> ExpectedMessage | None:
        """The message that an event makes on this topic; None: it makes none."""

    def partition_of(self, basket_id: str, partitions: int) -> int:
        """The partition, of so many, that a basket's messages lie in."""

    async def beginnings(self) -> Mapping[int, tuple[int, TopicMessage | None]]:
        """For each partition the offset that it begins with, and where that is not 0, for retention took what was
        before, the first message that it still has. Raises BrokerUnavailable."""

    async def ends(self, known: Mapping[int, int] | None = None) -> Mapping[int, int]:
        """The offset that each partition will give the next message that can be read; none is before `known`, which
        was told earlier. Raises BrokerUnavailable."""

    def read(
        self, basket_ids: Collection[str] | None = None, after: Mapping[int, int] | None = None
    ) -> AsyncIterator[Sequence[TopicMessage]]:
        """All messages from each partition's beginning, or from these offsets on, to its end at the call, in order in
        each partition; with `basket_ids` those with one of these keys. Raises BrokerUnavailable."""


@dataclass(slots=True)
class TopicResult:
    """What became of a topic. `comparable_from` is the position from which on all of it could be compared: 0 the
    first event; None: some partitions could not be compared at all."""

    topic: str
    messages: int = 0
    comparable_from: int | None = 0
    drifts: list[Inconsistency] = field(default_factory=list)
    unexplained: int = 0
    """Baskets of which something is wrong that was not looked at one by one."""


@dataclass(slots=True)
class TopicsResult:
    """What became of all topics, up to how far the publisher had come at the beginning."""

    publisher: str
    published: PublisherCheckpoint
    topics: list[TopicResult] = field(default_factory=list)
    drifts: list[Inconsistency] = field(default_factory=list)
    """About the publisher itself."""
