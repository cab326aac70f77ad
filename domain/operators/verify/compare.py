"""The one comparison of basket views. Verification, rebuilds and the consistency sampler use it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from pydantic import ValidationError

from domain.basket.snapshot import BasketSnapshot
from domain.ports.read_models import BasketView

Comparison = Literal["same", "differs", "unrecorded", "missing", "surplus", "behind", "ahead"]
"""How a live view compares with its events. `unrecorded`: it is at a version that its stream does not have.
`surplus`: it has no stream. `behind` and `ahead`: it is at an earlier or later version of its stream."""

_COLUMNS = tuple(field.name for field in fields(BasketView) if field.name not in ("snapshot", "uses"))


@dataclass(frozen=True, slots=True)
class ViewComparison:
    """`columns` names the columns that differ, where both rows are at the same version."""

    kind: Comparison
    columns: tuple[str, ...] = ()


def compare_view(live: BasketView | None, expected: BasketView | None, stream_version: int) -> ViewComparison:
    """Compares a live view with the view that its events give.

    `stream_version` is the last version of the stream; 0: it has no events. `expected` is None where its events
    give no view. Then a live view at a version of the stream counts as `ahead`.
    """
    if live is None:
        return ViewComparison("same" if expected is None else "missing")
    if stream_version == 0:
        return ViewComparison("surplus")
    if live.version > stream_version:
        return ViewComparison("unrecorded")
    if expected is None or live.version > expected.version:
        return ViewComparison("ahead")
    if live.version < expected.version:
        return ViewComparison("behind")
    columns = differing_columns(live, expected)
    return ViewComparison("differs" if columns else "same", columns)


def differing_columns(live: BasketView, expected: BasketView) -> tuple[str, ...]:
    """The columns in which two views of one basket differ. Snapshots count by what they mean, not by their
    bytes; uses count where both views have them."""
    names = [name for name in _COLUMNS if getattr(live, name) != getattr(expected, name)]
    if live.snapshot != expected.snapshot and _parse(live.snapshot) != _parse(expected.snapshot):
        names.append("snapshot")
    if None not in (live.uses, expected.uses) and live.uses != expected.uses:
        names.append("uses")
    return tuple(names)


def _parse(snapshot: bytes) -> BasketSnapshot | bytes:
    try:
        return BasketSnapshot.model_validate_json(snapshot)
    except ValidationError:
        return snapshot
