"""Rebuilds: what they cover, their record, and how rebuilt rows compare with the live ones.

A rebuild fills a second set of tables beside the live ones, compares the two, and switches them in one short
transaction. The old set is kept for a roll-back. With a scope of some baskets it repairs the live rows in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from pydantic import AwareDatetime

from domain.operators.audit import Operator
from domain.operators.verify.compare import Comparison
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
"""building → comparing → switching → switched, and back: rolled-back. A repair of some baskets ends as mended, a
dry run as compared. A cancelled or failed rebuild can be resumed until it is abandoned."""

RUNNING_STATES: frozenset[RebuildState] = frozenset({"building", "comparing", "switching"})
RESUMABLE_STATES: frozenset[RebuildState] = RUNNING_STATES | {"cancelled", "failed"}
"""Of a whole rebuild. Repairs of some baskets and dry runs start again from the beginning."""

RowDifferenceKind = Literal["differs", "missing", "surplus", "unfoldable", "stale", "live_behind", "live_ahead"]
"""How a live row differs from the rebuilt one, the gravest kinds first:
`differs`: it has other content at the same version, or a version that its stream does not have;
`missing`: there is no row, though its last event is older than a minute;
`surplus`: there are no events for it;
`unfoldable`: its stream has an event that cannot be folded, here and there;
`stale`: it has been at an earlier version for more than a minute;
`live_behind`, `live_ahead`: it is at an earlier or a later version, as happens for a moment while events arrive."""

SAMPLES_PER_KIND = 10


class RebuildScope(Value):
    """Which baskets are rebuilt; by default all."""

    partner: str | None = None
    """Only baskets of this organisation."""
    baskets: tuple[str, ...] = ()
    """Only baskets with these ids."""
    since: AwareDatetime | None = None
    """Only baskets with an event since then."""

    @property
    def everything(self) -> bool:
        return self.partner is None and not self.baskets and self.since is None


class RebuildDifference(Value):
    """One live row that differs from the rebuilt one."""

    subject: str
    """A basket id, or the subject of a catalogue row."""
    kind: RowDifferenceKind
    live_version: int | None
    """The live row's version; in the catalogue its fact's sequence."""
    rebuilt_version: int | None
    words: str
    """A description for people; holds nothing of the row's content."""


class RebuildComparison(Value):
    """How many live rows differ from the rebuilt ones, by `RowDifferenceKind`."""

    same: int = 0
    differs: int = 0
    missing: int = 0
    surplus: int = 0
    unfoldable: int = 0
    stale: int = 0
    live_behind: int = 0
    live_ahead: int = 0
    samples: tuple[RebuildDifference, ...] = ()
    """Some differing rows, the gravest kinds first."""

    @property
    def compared(self) -> int:
        """Rows on either side."""
        lagging = self.stale + self.live_behind + self.live_ahead
        return self.same + self.differs + self.missing + self.surplus + lagging

    @property
    def faults(self) -> int:
        """Differences that do not pass by themselves."""
        return self.differs + self.missing + self.surplus + self.unfoldable + self.stale

    @classmethod
    def of(cls, differences: Iterable[RebuildDifference], same: int = 0) -> RebuildComparison:
        """Counts differences, and keeps the first samples of each kind."""
        counts: Counter[str] = Counter()
        samples = []
        for each in differences:
            counts[each.kind] += 1
            if counts[each.kind] <= SAMPLES_PER_KIND:
                samples.append(each)
        return cls.merged([cls(same=same, samples=tuple(samples), **counts)])

    @classmethod
    def merged(cls, comparisons: Sequence[RebuildComparison]) -> RebuildComparison:
        """The sum of several comparisons, with some samples of each kind."""
        samples = [sample for comparison in comparisons for sample in comparison.samples]
        counts = {
            name: sum(getattr(comparison, name) for comparison in comparisons)
            for name in cls.model_fields
            if name != "samples"
        }
        kept = [
            sample
            for kind in get_args(RowDifferenceKind)
            for sample in [each for each in samples if each.kind == kind][:SAMPLES_PER_KIND]
        ]
        return cls(samples=tuple(kept), **counts)


VIEW_WORDS = {
    "differs": "says something else than its events",
    "missing": "has no view",
    "surplus": "has a view and no events",
    "stale": "its view stands still",
    "live_behind": "its view comes after in a moment",
    "live_ahead": "went on meanwhile",
}


def view_difference(
    basket_id: str,
    comparison: Comparison,
    live_version: int | None,
    rebuilt_version: int | None,
    *,
    settled: bool,
) -> RebuildDifference | None:
    """Reports how a live view differs; None: it is the same. `settled`: its last event is older than a minute, so
    that a projector should have written it."""
    kinds: dict[Comparison, RowDifferenceKind] = {
        "differs": "differs",
        "unrecorded": "differs",
        "surplus": "surplus",
        "ahead": "live_ahead",
        "missing": "missing" if settled else "live_behind",
        "behind": "stale" if settled else "live_behind",
    }
    if (kind := kinds.get(comparison)) is None:
        return None
    return RebuildDifference(
        subject=basket_id,
        kind=kind,
        live_version=live_version,
        rebuilt_version=rebuilt_version,
        words=VIEW_WORDS[kind],
    )


class Rebuild(Value):
    """The record of one rebuild."""

    id: str
    """A UUID, version 7."""
    target: RebuildTarget
    scope: RebuildScope
    dry_run: bool
    """It compares, and changes nothing."""
    state: RebuildState
    interrupted: bool
    """Its state says that it runs, but no process works on it: resume or abandon it."""
    cancel_requested: bool
    waiting_for: str | None
    """What holds it up, for people; None: nothing."""
    operator: Operator
    workers: int
    done: int
    """Folded events, or facts of the catalogue; includes ranges that an earlier run finished."""
    total: int
    """About how many there are, until all are read."""
    rate: float
    """Events folded a second, recently."""
    eta_seconds: float | None
    """Until all are folded; None: unknown, or over."""
    rows: int
    """Rows written."""
    comparison: RebuildComparison | None
    started_at: AwareDatetime
    beaten_at: AwareDatetime
    """Its last heartbeat."""
    ended_at: AwareDatetime | None
    error: str | None


class RebuildRefused(CheckoutError):
    """It cannot be done now; the message says why. Nothing was changed."""


class RebuildStopped(CheckoutError):
    """An operator or a signal asked the rebuild to stop."""
