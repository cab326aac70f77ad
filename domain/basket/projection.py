"""The basket views: what each basket is now, brought forward event by event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.references import offers_of, products_of, references_of
from domain.basket.snapshot import BasketSnapshot
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews, BlockedBaskets
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import DomainEvent


class ProjectionContended(CheckoutError):
    """Others kept moving the same views; nothing is lost, and a later try finds them further on."""

    def __init__(self, basket_ids: Collection[str]) -> None:
        super().__init__(f"{len(basket_ids)} views were moved by others again and again")


@dataclass(frozen=True, slots=True)
class ProjectionFailure:
    """The version at which a basket's events could not be folded, and why."""

    version: int
    error: str


class _ProjectionError(Exception):
    """Ends the folding of one basket where it stands."""

    def __init__(self, version: int, error: str) -> None:
        super().__init__(error)
        self.stuck = ProjectionFailure(version, error)


class BasketProjection:
    """Brings basket views forward. Any number of processes may do so at once and in any order: a view only
    moves from the version that its fold began with."""

    def __init__(self, store: EventStore, views: BasketViews, attempts: int = 10) -> None:
        self._store = store
        self._views = views
        self._attempts = attempts

    async def apply(self, arrived: Mapping[str, Sequence[DomainEvent]]) -> Mapping[str, ProjectionFailure]:
        """Brings each basket's view to the last of its events at least; events that it holds already are
        passed over, and missing ones are read from the store.

        Returns the baskets that got stuck, whose views hold all that came before. Raises
        StoreUnavailable and ProjectionContended; what was moved until then stays moved.
        """
        stuck: dict[str, ProjectionFailure] = {}
        waiting = dict(arrived)
        for _ in range(self._attempts):
            if not waiting:
                return stuck
            snapshots = await self._views.snapshots(waiting.keys())
            moves: dict[str, tuple[int, BasketView]] = {}
            for basket_id, events in waiting.items():
                fold = _Fold(basket_id)
                try:
                    fold.begin(snapshots.get(basket_id))
                    await self._fold(fold, events)
                except _ProjectionError as reason:
                    stuck[basket_id] = reason.stuck
                if fold.basket is not None and fold.version > fold.began:
                    moves[basket_id] = (fold.began, fold.view())
            moved = await self._views.advance(list(moves.values())) if moves else ()
            waiting = {basket_id: waiting[basket_id] for basket_id in moves.keys() - moved}
            for basket_id in waiting:
                stuck.pop(basket_id, None)
        if waiting:
            raise ProjectionContended(waiting)
        return stuck

    async def refold(self, basket_id: str) -> ProjectionFailure | None:
        """Brings the view to the last event in the store."""
        stored = await self._store.read_events(basket_id)
        try:
            events = [_readable(event.version, event.data) for event in stored]
        except _ProjectionError as reason:
            return reason.stuck
        return (await self.apply({basket_id: events})).get(basket_id)

    async def unpark(self, basket_id: str, parked: BlockedBaskets) -> ProjectionFailure | None:
        """Folds a parked basket's view from the store and releases it; leaves it parked and says why where
        it still cannot be folded."""
        stuck = await self.refold(basket_id)
        if stuck is None:
            await parked.release(basket_id)
            # An event that arrived between the two was passed over, for the basket was still parked.
            stuck = await self.refold(basket_id)
        return stuck

    async def _fold(self, fold: _Fold, events: Sequence[DomainEvent]) -> None:
        for event in events:
            if event.originator_version > fold.version + 1:
                await self._fill(fold, event.originator_version)
            fold.take(event)

    async def _fill(self, fold: _Fold, upto: int) -> None:
        for stored in await self._store.read_events(fold.basket_id, fold.version):
            if stored.version > upto:
                return
            fold.take(_readable(stored.version, stored.data))
        if fold.version < upto:
            raise _ProjectionError(upto, f"the store ends at version {fold.version} of this basket")


class _Fold:
    """One basket on its way from its view's snapshot."""

    def __init__(self, basket_id: str) -> None:
        self.basket_id = basket_id
        self.basket: Basket | None = None
        self.began = 0
        self._used: frozenset[str] | None = None

    def begin(self, snapshot: bytes | None) -> None:
        if snapshot is None:
            return
        try:
            self.basket = BasketSnapshot.model_validate_json(snapshot).restore()
        except ValidationError as error:
            raise _ProjectionError(1, f"the view's snapshot cannot be read: {error}") from error
        self.began = self.version
        self._used = references_of(self.basket)

    def view(self) -> BasketView:
        """The row of the basket that was begun; what it is found by is said only where it became another."""
        assert self.basket is not None  # noqa: S101  (for the type checker)
        view = to_view(self.basket)
        return replace(view, uses=None) if view.uses == self._used else view

    @property
    def version(self) -> int:
        return self.basket.version if self.basket is not None else 0

    def take(self, event: DomainEvent) -> None:
        """Passes over what the basket holds already."""
        if event.originator_version <= self.version:
            return
        try:
            self.basket = event.mutate(self.basket)
        except Exception as error:
            # An event that fits no basket may fail in any way; it is this basket's trouble alone.
            raise _ProjectionError(event.originator_version, f"{type(error).__name__}: {error}") from error


def to_view(basket: Basket) -> BasketView:
    """The row that says what the basket is."""
    return BasketView(
        basket_id=basket.id,
        version=basket.version,
        partner=basket.partner,
        external_id=basket.details.external_id,
        status=basket.status,
        created=basket.created_on,
        modified=basket.modified_on,
        expires_at=basket.expires_at,
        snapshot=to_json(BasketSnapshot.take(basket), by_alias=True),
        uses=references_of(basket),
        ready=basket.ready,
        offers=frozenset(offers_of(basket)),
        products=frozenset(products_of(basket)),
        finding_codes=frozenset(basket.finding_codes),
    )


def group_by_basket(events: Iterable[DomainEvent]) -> dict[str, list[DomainEvent]]:
    """The events of each basket, in the order in which they came."""
    baskets: dict[str, list[DomainEvent]] = {}
    for event in events:
        baskets.setdefault(event.originator_id, []).append(event)
    return baskets


def _readable(version: int, data: bytes) -> DomainEvent:
    try:
        (event,) = decode_all(b"[" + data + b"]")
    except (UnreadableEvent, ValueError) as error:
        raise _ProjectionError(version, f"the stored event cannot be read: {error}") from error
    return event
