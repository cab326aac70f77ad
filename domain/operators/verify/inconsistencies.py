"""What verification reports: places where derived data does not match the events."""

from __future__ import annotations

from typing import Literal

from domain.shared.eventsourcing import Value

InconsistencyKind = Literal[
    # basket views
    "view_missing",
    "view_behind",
    "view_ahead",
    "view_differs",
    "view_without_stream",
    "uses_differ",
    # claims on external ids
    "claim_missing",
    "claim_held_by_another",
    "claim_left_behind",
    # the event store
    "stream_unreadable",
    "versions_have_a_gap",
    "positions_not_ascending",
    "event_misplaced",
    "positions_would_be_reused",
    # the catalogue's projections
    "catalogue_row_missing",
    "catalogue_row_differs",
    "catalogue_row_without_fact",
    # Kafka topics
    "message_missing",
    "message_repeated",
    "message_out_of_order",
    "message_differs",
    "message_without_event",
    "message_not_understood",
    # the publisher
    "publisher_beyond_store",
]
"""Public names: add to them, never change them."""

CLAIM_KINDS: frozenset[InconsistencyKind] = frozenset({"claim_missing", "claim_held_by_another", "claim_left_behind"})
REPAIRABLE_KINDS: frozenset[InconsistencyKind] = CLAIM_KINDS | {
    "view_missing",
    "view_behind",
    "view_ahead",
    "view_differs",
    "view_without_stream",
    "uses_differ",
}
"""What can be derived again from the events. (A claim that another basket holds is repaired at that basket.)"""


class Inconsistency(Value):
    """One thing that does not match the events."""

    kind: InconsistencyKind
    subject: str
    """A basket id, a fact's subject, a publisher id, or a table's name."""
    words: str
    """For people: what was found, and what was expected. Holds no personal data."""
    version: int | None = None
    """The basket's version."""
    position: int | None = None
    """The position in the event store."""
    topic: str | None = None
    """The Kafka topic."""
    parked: bool = False
    """A dead letter blocks the basket: its view moves on once that is resolved."""

    @property
    def repairable(self) -> bool:
        return self.kind in REPAIRABLE_KINDS and not self.parked
