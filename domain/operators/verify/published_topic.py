"""The port to a Kafka topic that events are published to, as verification reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ports.event_store import StoredEvent


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """A message on a topic. `basket_id` and `version` are None where it names none. A `replay` was republished: it
    may come at any time, and may fill a gap."""

    basket_id: str | None
    version: int | None
    digest: bytes
    partition: int
    offset: int
    replay: bool = False

    @property
    def place(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """The message that an event makes. Its digest leaves out personal data, which may have been erased since."""

    basket_id: str
    version: int
    position: int
    digest: bytes


class PublishedTopic(Protocol):
    """Every asynchronous method raises BrokerUnavailable."""

    name: str
    repeats_allowed: bool
    """Whether a message may come more than once: its publisher promises at least once."""
    holds_verdicts: bool
    """Whether it holds whole verdicts. Those of baskets that cannot be folded are never published."""

    def expected(self, event: StoredEvent) -> ExpectedMessage | None:
        """The message of an event on this topic, None where it has none."""

    def partitions_of(self, basket_id: str, partitions: int) -> Collection[int]:
        """The partitions, of so many, that may hold a basket's messages: one, as long as nothing that was read shows
        that partitions were added."""

    async def beginnings(self) -> Mapping[int, tuple[int, TopicMessage | None]]:
        """The first offset of each partition, and its first message where retention has deleted earlier ones."""

    async def ends(self, known: Mapping[int, int] | None = None) -> Mapping[int, int]:
        """The offset after each partition's last message, at least that in `known` from an earlier call."""

    def read(
        self,
        basket_ids: Collection[str] | None = None,
        after: Mapping[int, int] | None = None,
        *,
        everywhere: bool = False,
    ) -> AsyncIterator[Sequence[TopicMessage]]:
        """The messages from these offsets, or the first, to the end at the call, in order in each partition; with
        `basket_ids` only those of these baskets. They are looked for in the partitions that they have now, or
        `everywhere`: before partitions were added they had others."""
