"""Whether what was derived equals what happened: pure questions, asked of baskets, their views and their claims.

`unlike` answers "does the view equal the fold?", for whoever verifies or rebuilds. What is found is a `Drift`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from pydantic import ValidationError
from pydantic_core import from_json

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.projection import to_view
from domain.basket.repository import external_id_claim
from domain.basket.snapshot import BasketSnapshot
from domain.operators.verify.inconsistencies import Inconsistency, InconsistencyKind
from domain.ports.event_store import StoredEvent
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import DomainEvent, fold


def differing_columns(held: BasketView, wanted: BasketView) -> tuple[str, ...]:
    """The names of the columns in which two rows of one basket are not the same; none: they are equal. Of the
    snapshot it counts what it says, not how it is written. Uses count where both rows say them."""
    names = [name for name in _COLUMNS if getattr(held, name) != getattr(wanted, name)]
    if held.snapshot != wanted.snapshot and _said(held.snapshot) != _said(wanted.snapshot):
        names.append("snapshot")
    if None not in (held.uses, wanted.uses) and held.uses != wanted.uses:
        names.append("uses")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class FoldedStream:
    """A stream as its events say it is. `at` holds the basket at each version that was asked for, where the stream
    reaches it; `ever_claimed` the names that it ever claimed; `drifts` what is wrong with the stream itself.
    `newest` is None where there is no stream, or it cannot be folded to its end."""

    basket_id: str
    last_version: int
    last_position: int
    recorded_at: Mapping[int, datetime]
    newest: Basket | None
    at: Mapping[int, Basket]
    ever_claimed: frozenset[str]
    drifts: tuple[Inconsistency, ...]


def fold_stream(basket_id: str, stored: Sequence[StoredEvent], versions: frozenset[int]) -> FoldedStream:
    """Folds a stream from its first event and keeps the basket at each of some versions. Never raises: what cannot
    be folded is a drift, and what comes after it is not looked at."""
    drifts = [*_misplaced(basket_id, stored)]
    basket: Basket | None = None
    at: dict[int, Basket] = {}
    ever: set[str] = set()
    decoded, unreadable = _decoded(stored)
    for row, event in zip(stored, decoded, strict=False):
        try:
            basket = fold(basket.fork() if basket is not None and basket.version in at else basket, [event])
        except Exception as error:  # noqa: BLE001  (an event that fits no basket may fail in any way)
            unreadable = _unreadable(row, error)
            break
        if basket is not None:
            if (claim := external_id_claim(basket)) is not None:
                ever.add(claim)
            if row.version in versions:
                at[row.version] = basket
    if unreadable is not None:
        drifts.append(unreadable)
    return FoldedStream(
        basket_id=basket_id,
        last_version=stored[-1].version if stored else 0,
        last_position=stored[-1].position if stored else 0,
        recorded_at={event.version: event.recorded_at for event in stored},
        newest=basket if unreadable is None else None,
        at=at,
        ever_claimed=frozenset(ever),
        drifts=tuple(drifts),
    )


def _decoded(stored: Sequence[StoredEvent]) -> tuple[list[DomainEvent], Inconsistency | None]:
    """The events up to the first that cannot be read, and that one."""
    try:
        # One parse for all is the fastest way; only where that fails each is looked at on its own.
        return decode_all(b"[" + b",".join(event.data for event in stored) + b"]"), None
    except ValueError:
        events: list[DomainEvent] = []
        for row in stored:
            try:
                events += decode_all(b"[" + row.data + b"]")
            except ValueError as error:
                return events, _unreadable(row, error)
        return events, None


def _unreadable(row: StoredEvent, error: Exception) -> Inconsistency:
    # The error's own words may quote the event, and with it somebody's data.
    words = f"the event at version {row.version} cannot be folded: {type(error).__name__}"
    return _of_event("stream_unreadable", row, words)


def check_view(held: BasketView | None, stream: FoldedStream) -> list[Inconsistency]:
    """What is wrong with a basket's view, but for that it lags: a view is compared with the fold at its own
    version. `stream` must be at least as new as the view, and hold its version."""
    if held is None:
        return []
    if not stream.last_version:
        words = f"there is a view at version {held.version}, and no event of this basket"
        return [
            Inconsistency(
                kind="view_without_stream", subject=held.basket_id, version=held.version, words=words
            )
        ]
    if held.version > stream.last_version:
        words = f"the view is at version {held.version}, the store ends at {stream.last_version}"
        return [Inconsistency(kind="view_ahead", subject=held.basket_id, version=held.version, words=words)]
    wanted = stream.at.get(held.version)
    if wanted is None:
        return []  # that the stream cannot be folded so far is told already
    different = differing_columns(held, to_view(wanted))
    found = []
    if columns := [name for name in different if name != "uses"]:
        words = f"{', '.join(columns)} of the view at version {held.version}: not as the events say"
        found.append(
            Inconsistency(kind="view_differs", subject=held.basket_id, version=held.version, words=words)
        )
    if "uses" in different:
        words = f"open_basket_uses holds other names than the basket uses at version {held.version}"
        found.append(
            Inconsistency(kind="uses_differ", subject=held.basket_id, version=held.version, words=words)
        )
    return found


def check_claims(stream: FoldedStream, holders: Mapping[str, str | None]) -> list[Inconsistency]:
    """What is wrong with a basket's claims, by who holds each name that it ever held."""
    if stream.newest is None:
        return []
    wanted, found = external_id_claim(stream.newest), []
    for name in sorted(stream.ever_claimed):
        holder = holders.get(name)
        if name == wanted and holder is None:
            found.append(
                _of_claim("claim_missing", stream, "an open basket's external id is claimed by nobody")
            )
        elif name == wanted and holder != stream.basket_id:
            words = f"an open basket's external id is claimed by {holder}"
            found.append(_of_claim("claim_held_by_another", stream, words))
        elif name != wanted and holder == stream.basket_id:
            words = "it claims an external id that it does not hold any more"
            found.append(_of_claim("claim_left_behind", stream, words))
    return found


def lag_inconsistency(
    basket_id: str, held_version: int, stream_version: int, *, parked: bool
) -> Inconsistency:
    """That a view stays behind the store."""
    why = "; it waits for its dead letter" if parked else ""
    if held_version == 0:
        words = f"there is no view, and the store is at version {stream_version}{why}"
        return Inconsistency(
            kind="view_missing", subject=basket_id, version=stream_version, words=words, parked=parked
        )
    words = f"the view stays at version {held_version}, the store is at {stream_version}{why}"
    return Inconsistency(
        kind="view_behind", subject=basket_id, version=held_version, words=words, parked=parked
    )


def _misplaced(basket_id: str, stored: Sequence[StoredEvent]) -> list[Inconsistency]:
    """The order of a stream's positions and versions, and whether each event says what its row says."""
    drifts = []
    version, position = 0, 0
    for event in stored:
        if event.version != version + 1:
            words = f"after version {version} comes {event.version}"
            drifts.append(_of_event("versions_have_a_gap", event, words))
        if event.position <= position:
            words = f"version {event.version} lies at position {event.position}, the one before at {position}"
            drifts.append(_of_event("positions_not_ascending", event, words))
        if event.stream_id != basket_id or not _says_where_it_lies(event):
            words = f"the event at version {event.version} says another basket, version or type than its row"
            drifts.append(_of_event("event_misplaced", event, words))
        version, position = event.version, event.position
    return drifts


def _says_where_it_lies(event: StoredEvent) -> bool:
    try:
        said = from_json(event.data)
    except ValueError:
        return True  # said elsewhere: it cannot be folded
    if not isinstance(said, dict):
        return True
    named = (said.get("basketId"), said.get("version"), said.get("type"))
    return named == (event.stream_id, event.version, event.type)


def _said(snapshot: bytes) -> BasketSnapshot | bytes:
    try:
        return BasketSnapshot.model_validate_json(snapshot)
    except ValidationError:
        return snapshot


def _of_event(kind: InconsistencyKind, event: StoredEvent, words: str) -> Inconsistency:
    return Inconsistency(
        kind=kind, subject=event.stream_id, version=event.version, position=event.position, words=words
    )


def _of_claim(kind: InconsistencyKind, stream: FoldedStream, words: str) -> Inconsistency:
    return Inconsistency(kind=kind, subject=stream.basket_id, version=stream.last_version, words=words)


_COLUMNS = tuple(field.name for field in fields(BasketView) if field.name not in ("snapshot", "uses"))
