"""What verifying finds: drifts between what happened and what was derived from it."""

from __future__ import annotations

from typing import Literal

from domain.shared.eventsourcing import Value

InconsistencyKind = Literal[
    # of a basket's view
    "view_missing",
    "view_behind",
    "view_ahead",
    "view_differs",
    "view_without_stream",
    "uses_differ",
    # of its claim on an external id
    "claim_missing",
    "claim_held_by_another",
    "claim_left_behind",
    # of the store itself
    "stream_unreadable",
    "versions_have_a_gap",
    "positions_not_ascending",
    "event_misplaced",
    "positions_would_be_reused",
    # of the catalogue's projections
    "catalogue_row_missing",
    "catalogue_row_differs",
    "catalogue_row_without_fact",
    # of what is in Kafka
    "message_missing",
    "message_repeated",
    "message_out_of_order",
    "message_differs",
    "message_without_event",
    "message_not_understood",
    # of the publisher
    "publisher_beyond_store",
]
"""Stored names are promises: they may be added to, never changed."""

REPAIRABLE_KINDS: frozenset[InconsistencyKind] = frozenset(
    {
        "view_missing",
        "view_behind",
        "view_ahead",
        "view_differs",
        "view_without_stream",
        "uses_differ",
        "claim_missing",
        "claim_held_by_another",
        "claim_left_behind",
    }
)
"""What a repair mends: what can be derived again from the events, and nothing else. (A claim that another basket
holds is mended where that one holds it wrongly.)"""


class Inconsistency(Value):
    """One thing that is not as what happened says."""

    kind: InconsistencyKind
    subject: str
    """The basket's id; a fact's subject; a publisher's id; of the store: a table's name."""
    words: str
    """What is there and what should be, for people; never personal data."""
    version: int | None = None
    """The basket's version that it is about."""
    position: int | None = None
    """The store's position that it is about."""
    topic: str | None = None
    """The Kafka topic that it is about."""
    parked: bool = False
    """Its basket waits for a dead letter: its view moves once that is settled."""

    @property
    def repairable(self) -> bool:
        return self.kind in REPAIRABLE_KINDS and not self.parked
