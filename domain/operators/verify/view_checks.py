"""Checks a basket's stream, view and claims against its events. Pure functions: they report inconsistencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import decode_all
from domain.basket.repository import external_id_claim
from domain.operators.verify.compare import compare_view
from domain.operators.verify.inconsistencies import Inconsistency, InconsistencyKind
from domain.ports.event_store import StoredEvent
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import DomainEvent, fold


@dataclass(frozen=True, slots=True)
class FoldedStream:
    """A stream folded from its first event.

    `at` holds the basket at each requested version that the stream reaches. `newest` is None where there are no
    events, or where they cannot be folded to the end. `claimed` holds every name that the basket ever claimed.
    """

    basket_id: str
    last_version: int
    newest: Basket | None
    at: Mapping[int, Basket]
    claimed: frozenset[str]
    inconsistencies: tuple[Inconsistency, ...]


def fold_stream(basket_id: str, stored: Sequence[StoredEvent], versions: frozenset[int]) -> FoldedStream:
    """Folds a stream and keeps the basket at some versions. Never raises: an event that cannot be folded becomes
    an inconsistency, and the events after it are not looked at."""
    basket: Basket | None = None
    at: dict[int, Basket] = {}
    claimed: set[str] = set()
    decoded, unreadable = _decode(stored)
    for row, event in zip(stored, decoded, strict=False):
        try:
            basket = fold(basket.fork() if basket is not None and basket.version in at else basket, [event])
        except Exception as error:  # noqa: BLE001  (an event that fits no basket may fail in any way)
            unreadable = _unreadable(row, error)
            break
        if basket is not None:
            if (claim := external_id_claim(basket)) is not None:
                claimed.add(claim)
            if row.version in versions:
                at[row.version] = basket
    return FoldedStream(
        basket_id=basket_id,
        last_version=stored[-1].version if stored else 0,
        newest=basket if unreadable is None else None,
        at=at,
        claimed=frozenset(claimed),
        inconsistencies=(*_check_order(basket_id, stored), *([unreadable] if unreadable else [])),
    )


def _decode(stored: Sequence[StoredEvent]) -> tuple[list[DomainEvent], Inconsistency | None]:
    """The events up to the first unreadable one, and that one."""
    try:
        # One parse for all events is the fastest way. Only where it fails each event is parsed on its own.
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
    # The error's message may quote the event, and with it personal data.
    words = f"the event at version {row.version} cannot be folded: {type(error).__name__}"
    return _of_event("stream_unreadable", row, words)


def check_view(view: BasketView | None, stream: FoldedStream) -> list[Inconsistency]:
    """Compares a view with the fold at the view's own version; whether it lags is another question. `stream` must
    be at least as new as the view, and hold its version."""
    if view is None:
        return []
    basket = stream.at.get(view.version)
    compared = compare_view(view, to_view(basket) if basket is not None else None, stream.last_version)

    def found(kind: InconsistencyKind, words: str) -> Inconsistency:
        return Inconsistency(kind=kind, subject=view.basket_id, version=view.version, words=words)

    if compared.kind == "surplus":
        words = f"there is a view at version {view.version}, and no event of this basket"
        return [found("view_without_stream", words)]
    if compared.kind == "unrecorded":
        words = f"the view is at version {view.version}, the store ends at {stream.last_version}"
        return [found("view_ahead", words)]
    inconsistencies = []
    if columns := [name for name in compared.columns if name != "uses"]:
        words = f"{', '.join(columns)} of the view at version {view.version}: not as the events say"
        inconsistencies.append(found("view_differs", words))
    if "uses" in compared.columns:
        words = f"open_basket_uses holds other names than the basket uses at version {view.version}"
        inconsistencies.append(found("uses_differ", words))
    return inconsistencies


def check_claims(stream: FoldedStream, holders: Mapping[str, str | None]) -> list[Inconsistency]:
    """Checks who holds each name that the basket ever claimed."""
    if stream.newest is None:
        return []
    wanted = external_id_claim(stream.newest)
    inconsistencies = []
    for name in sorted(stream.claimed):
        holder = holders.get(name)
        kind: InconsistencyKind
        if name == wanted and holder is None:
            kind, words = "claim_missing", "an open basket's external id is claimed by nobody"
        elif name == wanted and holder != stream.basket_id:
            kind, words = "claim_held_by_another", f"an open basket's external id is claimed by {holder}"
        elif name != wanted and holder == stream.basket_id:
            kind, words = "claim_left_behind", "it claims an external id that it does not hold any more"
        else:
            continue
        inconsistencies.append(
            Inconsistency(kind=kind, subject=stream.basket_id, version=stream.last_version, words=words)
        )
    return inconsistencies


def lag_inconsistency(basket_id: str, view_version: int, stream_version: int, *, parked: bool) -> Inconsistency:
    """Reports a view that stays behind the store."""
    kind: InconsistencyKind
    if view_version == 0:
        kind, version = "view_missing", stream_version
        words = f"there is no view, and the store is at version {stream_version}"
    else:
        kind, version = "view_behind", view_version
        words = f"the view stays at version {view_version}, the store is at {stream_version}"
    words += "; it waits for its dead letter" if parked else ""
    return Inconsistency(kind=kind, subject=basket_id, version=version, words=words, parked=parked)


def check_positions(last_position: int, last_drawn: int) -> list[Inconsistency]:
    """Reports that the next append would draw a position that an event has, as after a partial restore."""
    if last_drawn >= last_position:
        return []
    words = f"the next position would be {last_drawn + 1}, and the last event lies at {last_position}"
    return [Inconsistency(kind="positions_would_be_reused", subject="events", position=last_position, words=words)]


def _check_order(basket_id: str, stored: Sequence[StoredEvent]) -> list[Inconsistency]:
    """Checks the order of versions and positions, and that each event matches its row."""
    inconsistencies = []
    version, position = 0, 0
    for event in stored:
        if event.version != version + 1:
            words = f"after version {version} comes {event.version}"
            inconsistencies.append(_of_event("versions_have_a_gap", event, words))
        if event.position <= position:
            words = f"version {event.version} lies at position {event.position}, the one before at {position}"
            inconsistencies.append(_of_event("positions_not_ascending", event, words))
        if event.stream_id != basket_id or not _matches_row(event):
            words = f"the event at version {event.version} says another basket, version or type than its row"
            inconsistencies.append(_of_event("event_misplaced", event, words))
        version, position = event.version, event.position
    return inconsistencies


def _matches_row(event: StoredEvent) -> bool:
    """True also for what is no JSON object: the fold reports that."""
    try:
        document = from_json(event.data)
    except ValueError:
        return True
    if not isinstance(document, dict):
        return True
    fields = (document.get("basketId"), document.get("version"), document.get("type"))
    return fields == (event.stream_id, event.version, event.type)


def _of_event(kind: InconsistencyKind, event: StoredEvent, words: str) -> Inconsistency:
    return Inconsistency(
        kind=kind, subject=event.stream_id, version=event.version, position=event.position, words=words
    )
