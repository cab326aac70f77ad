"""The basket views: what each basket is now, moved forward event by event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.fast_projection import ArrivedEvents, advance
from domain.basket.references import references_of
from domain.basket.snapshot import UnreadableSnapshot, restore
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import DomainEvent


class ProjectionContended(CheckoutError):
    """Other processes kept moving the same views. Nothing is lost, and a later try starts from where they are."""

    def __init__(self, basket_ids: Collection[str]) -> None:
        super().__init__(f"{len(basket_ids)} views were moved by others again and again")


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


class _ProjectionError(Exception):
    """Ends the fold of one basket."""

    def __init__(self, version: int, error: str) -> None:
        super().__init__(error)
        self.failure = ProjectionFailure(version, error)


class BasketProjection:
    """Moves basket views forward. Any number of processes may do so, in any order: a view only moves from the
    version that its fold started from."""

    def __init__(self, store: EventStore, views: BasketViews, attempts: int = 10) -> None:
        self._store = store
        self._views = views
        self._attempts = attempts

    async def apply(
        self, arrived: Mapping[str, ArrivedEvents | Sequence[DomainEvent]]
    ) -> Mapping[str, ProjectionFailure]:
        """Moves each basket's view to the last of its events, or further. Skips events that the view has, and reads
        missing ones from the store.

        Events that arrive as structs are folded as structs. Where a history is odd, the models fold it.

        Returns the baskets that got stuck; their views have all events before the failure. Raises StoreUnavailable
        and ProjectionContended; views that moved before stay moved.
        """
        stuck: dict[str, ProjectionFailure] = {}
        waiting = dict(arrived)
        for _ in range(self._attempts):
            if not waiting:
                return stuck
            snapshots = await self._views.snapshots(waiting.keys())
            moves: dict[str, tuple[int, BasketView]] = {}
            for basket_id, events in waiting.items():
                snapshot = snapshots.get(basket_id)
                if isinstance(events, ArrivedEvents):
                    move = advance(basket_id, snapshot, events.structs)
                    if move is not None:
                        moves[basket_id] = move
                        continue
                fold = _Fold(basket_id)
                try:
                    fold.begin(snapshot)
                    await self._fold(fold, _models(events))
                except _ProjectionError as error:
                    stuck[basket_id] = error.failure
                if fold.basket is not None and fold.version > fold.began:
                    moves[basket_id] = (fold.began, fold.view(fold.basket))
            moved = await self._views.advance(list(moves.values())) if moves else ()
            waiting = {basket_id: waiting[basket_id] for basket_id in moves.keys() - moved}
            for basket_id in waiting:
                stuck.pop(basket_id, None)
        if waiting:
            raise ProjectionContended(waiting)
        return stuck

    async def refold(self, basket_id: str) -> ProjectionFailure | None:
        """Moves the view to the last event in the store."""
        stored = await self._store.read_events(basket_id)
        try:
            events = [_decode(event.version, event.data) for event in stored]
        except _ProjectionError as error:
            return error.failure
        return (await self.apply({basket_id: events})).get(basket_id)

    async def _fold(self, fold: _Fold, events: Iterable[DomainEvent]) -> None:
        for event in events:
            if event.originator_version > fold.version + 1:
                await self._fill_gap(fold, event.originator_version)
            fold.take(event)

    async def _fill_gap(self, fold: _Fold, upto: int) -> None:
        for stored in await self._store.read_events(fold.basket_id, fold.version):
            if stored.version > upto:
                return
            fold.take(_decode(stored.version, stored.data))
        if fold.version < upto:
            raise _ProjectionError(upto, f"the store ends at version {fold.version} of this basket")


class _Fold:
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
            raise _ProjectionError(1, f"the view's snapshot cannot be read: {error}") from error
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
            raise _ProjectionError(event.originator_version, f"{type(error).__name__}: {error}") from error


def project(documents: Iterable[tuple[int, bytes]]) -> ProjectedView:
    """The view of a basket's stored events, each with its version, in their order."""
    fold, stuck = _Fold(), None
    try:
        for version, document in documents:
            fold.fold(_decode(version, document))
    except _ProjectionError as error:
        stuck = error.failure
    return ProjectedView(to_view(fold.basket) if fold.basket is not None else None, stuck)


def _models(events: ArrivedEvents | Sequence[DomainEvent]) -> Iterable[DomainEvent]:
    if not isinstance(events, ArrivedEvents):
        return events
    pairs = zip(events.structs, events.documents, strict=True)
    return (_decode(event.originator_version, document) for event, document in pairs)


def _decode(version: int, data: bytes) -> DomainEvent:
    try:
        (event,) = decode_all(b"[" + data + b"]")
    except (UnreadableEvent, ValueError) as error:
        raise _ProjectionError(version, f"the stored event cannot be read: {error}") from error
    return event
