"""What is derived from what happened, built anew: what a rebuild is, and how others watch it.

A rebuild makes a new generation of tables beside the live one, compares the two, and takes its place in one
short transaction; the old generation is kept for a roll-back. Of a few baskets the rows are mended in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.operators.audit import Operator
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

RebuildTarget = Literal["basket-views", "catalogue"]

RebuildState = Literal[
    "building",
    "comparing",
    "switching",
    "switched",
    "rolled-back",
    "mended",
    "compared",
    "cancelled",
    "failed",
    "abandoned",
]
"""building → comparing → switching → switched, and back: rolled-back. One of a few baskets ends as mended, a dry
run as compared. A cancelled or failed one can go on, unless it is abandoned."""

RUNNING_STATES: frozenset[RebuildState] = frozenset({"building", "comparing", "switching"})
RESUMABLE_STATES: frozenset[RebuildState] = RUNNING_STATES | {"cancelled", "failed"}
"""Of a whole rebuild. One of a few baskets, and a dry run, are begun anew."""

RowDifferenceKind = Literal[
    "differs", "missing", "surplus", "unfoldable", "stale", "live_behind", "live_ahead"
]
"""How a live row is not as it was rebuilt:
`differs`: at the same version it says something else, or its version is none that its history has;
`missing`: there is none, though what it would say is older than a minute;
`surplus`: there is nothing that it could be derived from;
`unfoldable`: its history goes on with an event that cannot be folded, here and there;
`stale`: it has been at an earlier version for more than a minute;
`live_behind`, `live_ahead`: it is at an earlier or a later version, as it is for a moment while things happen."""


class RebuildScope(Value):
    """Which baskets are rebuilt; nothing said: all that there are."""

    partner: str | None = None
    """Those of this organisation."""
    baskets: tuple[str, ...] = ()
    """Those with these ids."""
    since: AwareDatetime | None = None
    """Those that something happened to since then."""

    @property
    def everything(self) -> bool:
        return self.partner is None and not self.baskets and self.since is None


class RebuildDifference(Value):
    """One row that is not as it was rebuilt."""

    subject: str
    """A basket's id, or what the row of a catalogue projection is about."""
    kind: RowDifferenceKind
    live_version: int | None
    """The live row's version (of the catalogue: its fact's sequence)."""
    rebuilt_version: int | None
    words: str
    """What it comes to, for people; nothing of the row's content."""


class RebuildComparison(Value):
    """How the live rows compare with the rebuilt ones, counted by kind (`RowDifferenceKind`)."""

    same: int = 0
    differs: int = 0
    missing: int = 0
    surplus: int = 0
    unfoldable: int = 0
    stale: int = 0
    live_behind: int = 0
    live_ahead: int = 0
    samples: tuple[RebuildDifference, ...] = ()
    """Some of what is not the same, the gravest kinds first."""

    @property
    def compared(self) -> int:
        """Rows on either side."""
        lagging = self.stale + self.live_behind + self.live_ahead
        return self.same + self.differs + self.missing + self.surplus + lagging

    @property
    def faults(self) -> int:
        """What is not only of the moment."""
        return self.differs + self.missing + self.surplus + self.unfoldable + self.stale


class Rebuild(Value):
    """One rebuild as it stands."""

    id: str
    """A UUID, version 7."""
    target: RebuildTarget
    scope: RebuildScope
    dry_run: bool
    """It shows what would differ and changes nothing."""
    state: RebuildState
    interrupted: bool
    """It should be running, and nobody works on it: it waits to be resumed or abandoned."""
    cancel_requested: bool
    waiting_for: str | None
    """What holds it up, in words; None: nothing."""
    operator: Operator
    workers: int
    done: int
    """Events (of the catalogue: facts) that are folded, or passed over where a range was done before."""
    total: int
    """How many there are, about, until all are read."""
    rate: float
    """Folded a second, of late."""
    eta_seconds: float | None
    """Until all are folded; None: not known yet, or over."""
    rows: int
    """Rows that were made."""
    comparison: RebuildComparison | None
    started_at: AwareDatetime
    beaten_at: AwareDatetime
    """When it last said how far it was."""
    ended_at: AwareDatetime | None
    error: str | None


class RebuildRefused(CheckoutError):
    """It cannot be done now; the message says why, and nothing was changed."""


class RebuildStopped(CheckoutError):
    """It was asked to stop, and does."""


class Rebuilds(Protocol):
    """The rebuilds that there are and were. Every method raises StoreUnavailable."""

    async def newest(self, limit: int) -> Sequence[Rebuild]:
        """The newest first, those that run among them."""

    async def find(self, rebuild_id: str) -> Rebuild | None:
        """One by its id."""

    async def request_cancel(self, rebuild_id: str, operator: Operator) -> bool:
        """Asks a running rebuild to stop; it does within moments, and can be resumed. False where it does
        not run (any more), or was asked already. What is asked for is recorded, as the operator's action."""

    async def roll_back(self, target: RebuildTarget, operator: Operator) -> Rebuild:
        """Puts the kept generation in the place of the live one, which is kept in turn. What happened since
        is carried over first. Returns the rebuild whose switch was taken back; raises RebuildRefused where no
        generation is kept."""

    async def abandon(self, target: RebuildTarget, operator: Operator) -> Rebuild | None:
        """Gives up a rebuild that is not at work, and drops what it made; None where there is none. Raises
        RebuildRefused where it is at work."""

    async def drop_kept(self, target: RebuildTarget, operator: Operator) -> bool:
        """Drops the kept generation: there is nothing to roll back to then. False where there is none."""
