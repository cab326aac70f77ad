"""The basket views: what each basket is now, moved forward event by event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from domain.basket.event_structs import decode_structs
from domain.basket.view_fold import ModelFold, ProjectionFailure, UnfoldableView, decode_event, fold_structs
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import DomainEvent


class ProjectionContended(CheckoutError):
    """Other processes kept moving the same views. Nothing is lost, and a later try starts from where they are."""

    def __init__(self, basket_ids: Collection[str]) -> None:
        super().__init__(f"{len(basket_ids)} views were moved by others again and again")


@dataclass(frozen=True, slots=True)
class ArrivedEvents:
    """Events of one basket as they arrived: the stored documents, and the same as structs."""

    documents: Sequence[bytes]
    structs: Sequence[Any]

    @classmethod
    def of(cls, documents: Sequence[bytes]) -> Self | None:
        """None if the models must read them."""
        structs = decode_structs(b",".join(documents))
        # A document may be blank, or hold two events.
        return cls(documents, structs) if structs is not None and len(structs) == len(documents) else None


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
                    move = fold_structs(basket_id, snapshot, events.structs)
                    if move is not None:
                        moves[basket_id] = move
                        continue
                fold = ModelFold(basket_id)
                try:
                    fold.begin(snapshot)
                    await self._fold(fold, _models(events))
                except UnfoldableView as error:
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
        events: ArrivedEvents | Sequence[DomainEvent] | None = ArrivedEvents.of([event.data for event in stored])
        if events is None:
            try:
                events = [decode_event(event.version, event.data) for event in stored]
            except UnfoldableView as error:
                return error.failure
        return (await self.apply({basket_id: events})).get(basket_id)

    async def _fold(self, fold: ModelFold, events: Iterable[DomainEvent]) -> None:
        for event in events:
            if event.originator_version > fold.version + 1:
                await self._fill_gap(fold, event.originator_version)
            fold.take(event)

    async def _fill_gap(self, fold: ModelFold, upto: int) -> None:
        for stored in await self._store.read_events(fold.basket_id, fold.version):
            if stored.version > upto:
                return
            fold.take(decode_event(stored.version, stored.data))
        if fold.version < upto:
            raise UnfoldableView(upto, f"the store ends at version {fold.version} of this basket")


def _models(events: ArrivedEvents | Sequence[DomainEvent]) -> Iterable[DomainEvent]:
    if not isinstance(events, ArrivedEvents):
        return events
    pairs = zip(events.structs, events.documents, strict=True)
    return (decode_event(event.originator_version, document) for event, document in pairs)
