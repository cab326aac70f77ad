"""One basket's view, folded from its stored events.

`fold_structs` is the one way, for projectors and rebuilds. A history that the structs do not take is folded as models.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.event_structs import (
    EVENT_STRUCTS,
    are_canonical,
    decode_structs,
    encode_snapshot,
    restore_structs,
)
from domain.basket.events import (
    BasketDetailsChanged,
    BasketInitiated,
    BasketValidated,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRepriced,
)
from domain.basket.references import references_of
from domain.basket.snapshot import UnreadableSnapshot, restore
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import DomainEvent


@dataclass(frozen=True, slots=True)
class ProjectionFailure:
    """The version at which a basket's events could not be folded, and why."""

    version: int
    error: str


@dataclass(frozen=True, slots=True)
class ProjectedView:
    """A basket's view; None if not even its first event can be folded. If `stuck`, it holds the events before."""

    view: BasketView | None
    stuck: ProjectionFailure | None = None


class UnfoldableView(Exception):
    """Ends the fold of one basket."""

    def __init__(self, version: int, error: str) -> None:
        super().__init__(error)
        self.failure = ProjectionFailure(version, error)


_INITIATED = EVENT_STRUCTS[BasketInitiated]
_KEEPING_REFERENCES = frozenset(
    EVENT_STRUCTS[event]
    for event in (
        OrderItemQuantityChanged,
        OrderItemPriceExpected,
        OrderItemRepriced,
        BasketDetailsChanged,
        BasketValidated,
    )
)
"""After these a basket rests on the same offers, products and policies."""


def fold_structs(basket_id: str, snapshot: bytes | None, structs: Iterable[Any]) -> tuple[int, BasketView] | None:
    """A basket's view after those of the events that follow its snapshot, and the snapshot's version, 0 without one.

    None if nothing follows, or if the models must fold: there is a gap, or the history is odd.
    """
    basket: Basket | None = None
    last: Any = None
    keeps_references = snapshot is not None
    try:
        if snapshot is not None:
            basket = restore_structs(snapshot)
        began = version = basket.version if basket is not None else 0
        details = basket.details if basket is not None else None
        for event in structs:
            arrived = event.originator_version
            if arrived != version + 1:
                if arrived <= version:
                    continue
                return None
            version, kind = arrived, type(event)
            if event.originator_id != basket_id or (kind is _INITIATED) != (version == 1):
                return None
            if basket is None:
                basket = Basket.from_snapshot(
                    id=basket_id, version=1, created=event.timestamp, modified=event.timestamp
                )
            event.apply(basket)
            last = event
            if keeps_references and kind not in _KEEPING_REFERENCES:
                keeps_references = False
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return None
    if basket is None or last is None or basket.id != basket_id or not basket.partner:
        return None
    if basket.details is not details and not are_canonical(basket.details):
        return None
    basket.version, basket.modified_on = version, last.timestamp
    return began, to_view(basket, encode_snapshot(basket), keeps_references=keeps_references)


def project_structs(basket_id: str, documents: bytes, snapshot: bytes | None = None) -> BasketView | None:
    """The view of a basket's stored documents, given as a JSON array's inside: of all of them, or of those that follow
    a view's snapshot. None if `project` must do it."""
    structs = decode_structs(documents)
    moved = fold_structs(basket_id, snapshot, structs) if structs is not None else None
    if structs is None or moved is None:
        return None
    began, view = moved
    # No event was skipped: none comes twice.
    return view if view.version == began + len(structs) else None


def project(documents: Iterable[tuple[int, bytes]]) -> ProjectedView:
    """The view of a basket's stored events, each with its version, in their order, folded as models."""
    fold, stuck = ModelFold(), None
    try:
        for version, document in documents:
            fold.fold(decode_event(version, document))
    except UnfoldableView as error:
        stuck = error.failure
    return ProjectedView(to_view(fold.basket) if fold.basket is not None else None, stuck)


class ModelFold:
    """One basket on its way from its view's snapshot."""

    def __init__(self, basket_id: str = "") -> None:
        self.basket_id = basket_id
        self.basket: Basket | None = None
        self.began = 0
        self._uses: frozenset[str] | None = None

    def begin(self, snapshot: bytes | None) -> None:
        if snapshot is None:
            return
        try:
            self.basket = restore(snapshot)
        except UnreadableSnapshot as error:
            raise UnfoldableView(1, f"the view's snapshot cannot be read: {error}") from error
        self.began = self.version
        self._uses = references_of(self.basket)

    def view(self, basket: Basket) -> BasketView:
        """The row, with its references only if they changed."""
        view = to_view(basket)
        return replace(view, uses=None) if view.uses == self._uses else view

    @property
    def version(self) -> int:
        return self.basket.version if self.basket is not None else 0

    def take(self, event: DomainEvent) -> None:
        """Skips an event that the basket has."""
        if event.originator_version > self.version:
            self.fold(event)

    def fold(self, event: DomainEvent) -> None:
        try:
            self.basket = event.mutate(self.basket)
        except Exception as error:
            # An event that fits no basket may fail in any way, and concerns this basket only.
            raise UnfoldableView(event.originator_version, f"{type(error).__name__}: {error}") from error


def decode_event(version: int, data: bytes) -> DomainEvent:
    try:
        (event,) = decode_all(b"[" + data + b"]")
    except (UnreadableEvent, ValueError) as error:
        raise UnfoldableView(version, f"the stored event cannot be read: {error}") from error
    return event
