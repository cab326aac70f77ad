"""Verifying baskets: their streams are folded again, and compared with what was derived from them.

Everything is looked at while others write, so what seems wrong is looked at again before it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.view_checks import (
    FoldedStream,
    check_claims,
    check_view,
    fold_stream,
    lag_inconsistency,
)
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews, BlockedBaskets

CONCURRENCY = 8
RECHECK_SECONDS = 0.2
POLL_SECONDS = 0.25
VERSIONS_PER_QUERY = 2_000


@dataclass(frozen=True, slots=True)
class StoredReadModel:
    """What is held of a basket beside its snapshot: the view's columns (None: there is no view), and the names that
    it is found by."""

    view: BasketView | None
    uses: frozenset[str]


class ReadModelAudit(Protocol):
    """What is derived from the baskets' events, as it lies there, and which baskets there are."""

    async def held(self, basket_ids: Collection[str]) -> Mapping[str, StoredReadModel]:
        """The rows of each basket of which there are any; a view's snapshot is left empty."""

    async def basket_ids(
        self, after: str, limit: int, partner: str | None
    ) -> tuple[Sequence[str], str | None]:
        """The next `limit` baskets after an id, in the order of their ids, that have an event, a view or a name; of
        these with `partner` only those whose first event, or whose view, is that organisation's. And the last id
        looked at, None at the end."""

    async def some_basket_ids(self, count: int, partner: str | None) -> Sequence[str]:
        """At most `count` baskets by chance, each that has a first event as likely as any other; and a few views
        by chance, which may have no events."""

    async def count(self) -> int:
        """About how many baskets there are."""

    async def claims_unlike_views(
        self, after: str, limit: int
    ) -> tuple[Sequence[tuple[str, str]], str | None]:
        """Of the next `limit` claims after a name those that do not fit the view of the basket that holds them, as
        name and basket; and the last name looked at, None at the end."""

    async def positions(self) -> tuple[int, int]:
        """The last event's position, and the last position drawn; 0: none."""


@dataclass(slots=True)
class VerificationResult:
    """What became of some baskets. `lagging` are those whose views were behind the store, with the store's version:
    whether they stay so is found out by `settle`. `unopened` counts those that could not be looked at, for the master
    key of their personal data is missing."""

    baskets: int = 0
    events: int = 0
    drifts: list[Inconsistency] = field(default_factory=list)
    lagging: dict[str, int] = field(default_factory=dict)
    unopened: int = 0

    def add(self, other: VerificationResult) -> None:
        """Takes in what became of others."""
        self.baskets += other.baskets
        self.events += other.events
        self.drifts += other.drifts
        self.lagging |= other.lagging
        self.unopened += other.unopened


@dataclass(frozen=True, slots=True)
class Inspection:
    """A basket as it was found."""

    held: BasketView | None
    stream: FoldedStream
    drifts: tuple[Inconsistency, ...]

    @property
    def held_version(self) -> int:
        return self.held.version if self.held is not None else 0

    @property
    def lags(self) -> bool:
        return self.stream.newest is not None and self.held_version < self.stream.last_version


class ViewVerifier:
    """Compares streams with what was derived from them. Reads only; any number of these may run."""

    def __init__(
        self,
        store: EventStore,
        views: BasketViews,
        rows: ReadModelAudit,
        parked: BlockedBaskets,
        look_again_after: float = RECHECK_SECONDS,
        at_once: int = CONCURRENCY,
    ) -> None:
        """`at_once` streams are read at a time."""
        self._store = store
        self._views = views
        self._rows = rows
        self._parked = parked
        self._pause = look_again_after
        self._at_once = at_once

    async def verify(self, basket_ids: Sequence[str]) -> VerificationResult:
        """Looks at baskets, and again at those where something seems wrong; raises StoreUnavailable."""
        looks = await self.look(basket_ids)
        result = VerificationResult(baskets=len(looks))
        suspects = [id for id, look in looks.items() if look.drifts]
        confirmed: Mapping[str, Inspection] = {}
        if suspects:
            await asyncio.sleep(self._pause)
            confirmed = await self.look(suspects)
        for basket_id, look in looks.items():
            result.events += look.stream.last_version
            if look.drifts:
                result.drifts += [drift for drift in look.drifts if drift in confirmed[basket_id].drifts]
            if look.lags:
                result.lagging[basket_id] = look.stream.last_version
        return result

    async def settle(self, lagging: Mapping[str, int], patience: float) -> list[Inconsistency]:
        """Waits until views have come to the versions given, at most `patience` seconds; those that have not are
        drifts. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        waiting = dict(lagging)
        while waiting:
            held = await self._versions(waiting)
            waiting = {id: version for id, version in waiting.items() if held.get(id, 0) < version}
            if loop.time() >= deadline:
                parked = await self._parked.blocked(waiting)
                return [
                    lag_inconsistency(id, held.get(id, 0), version, parked=id in parked)
                    for id, version in sorted(waiting.items())
                ]
            if waiting:
                await asyncio.sleep(POLL_SECONDS)
        return []

    async def verify_claims(self, after: str, limit: int) -> tuple[list[Inconsistency], str | None]:
        """Looks at the next claims after a name, and whether their baskets hold them; and the last name looked at,
        None at the end. Raises StoreUnavailable."""
        suspects, last = await self._rows.claims_unlike_views(after, limit)
        drifts = []
        for name, basket_id in suspects:
            stream = fold_stream(basket_id, await self._store.read_events(basket_id), frozenset())
            # A stream that cannot be folded is told where baskets are looked at.
            if stream.newest is None and stream.last_version:
                continue
            claimed = replace(stream, ever_claimed=frozenset({name}))
            if stream.newest is not None:
                drifts += check_claims(claimed, {name: await self._store.find_claim(name)})
            elif await self._store.find_claim(name) == basket_id:
                words = "a name is claimed for a basket that has no events"
                drifts.append(Inconsistency(kind="claim_left_behind", subject=basket_id, words=words))
        return drifts, last

    async def look(self, basket_ids: Sequence[str]) -> dict[str, Inspection]:
        """Each basket as it is found now. What is derived is read before the events, so that it is never newer than
        they are unless something is wrong."""
        ids = [*dict.fromkeys(basket_ids)]
        held = await self._rows.held(ids)
        snapshots = await self._views.snapshots(ids)
        turns = asyncio.Semaphore(self._at_once)

        async def one(basket_id: str) -> Inspection:
            row = held.get(basket_id, StoredReadModel(None, frozenset()))
            view = row.view and replace(row.view, snapshot=snapshots.get(basket_id, b""), uses=row.uses)
            async with turns:
                stored = await self._store.read_events(basket_id)
                stream = fold_stream(basket_id, stored, frozenset({view.version} if view else ()))
                holders = {name: await self._store.find_claim(name) for name in sorted(stream.ever_claimed)}
            drifts = [*stream.drifts, *check_view(view, stream), *check_claims(stream, holders)]
            if view is None and row.uses and not stream.last_version:
                words = "open_basket_uses holds names of a basket that has neither events nor a view"
                drifts.append(Inconsistency(kind="uses_differ", subject=basket_id, words=words))
            return Inspection(view, stream, tuple(drifts))

        return dict(zip(ids, await asyncio.gather(*map(one, ids)), strict=True))

    async def _versions(self, basket_ids: Mapping[str, int]) -> dict[str, int]:
        ids, found = [*basket_ids], dict[str, int]()
        for start in range(0, len(ids), VERSIONS_PER_QUERY):
            found |= await self._views.versions(ids[start : start + VERSIONS_PER_QUERY])
        return found


def check_positions(last_position: int, last_drawn: int) -> list[Inconsistency]:
    """Whether the next append would draw a position that an event has, as after a restore in parts."""
    if last_drawn >= last_position:
        return []
    words = f"the next position would be {last_drawn + 1}, and the last event lies at {last_position}"
    return [
        Inconsistency(kind="positions_would_be_reused", subject="events", position=last_position, words=words)
    ]
