"""Verifies baskets: folds their streams again and compares them with the read models.

Others write meanwhile, so an inconsistency is reported only if a second inspection finds it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.view_checks import FoldedStream, check_claims, check_view, fold_stream, lag_inconsistency
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews, BlockedBaskets
from domain.shared.errors import BasketArchived

CONCURRENCY = 8
RECHECK_SECONDS = 0.2
POLL_SECONDS = 0.25
VERSIONS_PER_QUERY = 2_000


@dataclass(frozen=True, slots=True)
class StoredReadModel:
    """What is stored about a basket beside its snapshot: the view's columns, and the names that it uses."""

    view: BasketView | None
    uses: frozenset[str]


class ReadModelAudit(Protocol):
    """Reads the stored read models, and lists the baskets. Every method raises StoreUnavailable."""

    async def held(self, basket_ids: Collection[str]) -> Mapping[str, StoredReadModel]:
        """The rows of each basket that has any; a view's snapshot is left empty."""

    async def basket_ids(self, after: str, limit: int, partner: str | None) -> tuple[Sequence[str], str | None]:
        """The next `limit` baskets after an id, in the order of their ids, that have an event, a view or a name.

        With `partner` only those of the page whose first event or view names that organisation. Also returns the
        last id of the page, None at the end.
        """

    async def some_basket_ids(self, count: int, partner: str | None) -> Sequence[str]:
        """At most `count` random baskets, each with a first event equally likely; also a few random views, which
        may have no events."""

    async def count(self) -> int:
        """About how many baskets there are."""

    async def mismatched_claims(self, after: str, limit: int) -> tuple[Sequence[tuple[str, str]], str | None]:
        """Looks at the next `limit` claims after a name. Returns those that do not fit their basket's view, as
        name and basket id, and the last name looked at, None at the end."""

    async def positions(self) -> tuple[int, int]:
        """The last event's position, and the last position drawn; 0: none."""


@dataclass(slots=True)
class VerificationResult:
    """What verifying some baskets found.

    `lagging` holds the baskets whose views were behind, with the store's version: `settle` finds out whether they
    catch up. `unopened` counts baskets that were skipped, because the master key of their personal data is missing.
    `archived` are those that are in the archive.
    """

    baskets: int = 0
    events: int = 0
    inconsistencies: list[Inconsistency] = field(default_factory=list)
    lagging: dict[str, int] = field(default_factory=dict)
    unopened: int = 0
    archived: list[BasketArchived] = field(default_factory=list)

    def add(self, other: VerificationResult) -> None:
        self.baskets += other.baskets
        self.events += other.events
        self.inconsistencies += other.inconsistencies
        self.lagging |= other.lagging
        self.unopened += other.unopened
        self.archived += other.archived


@dataclass(frozen=True, slots=True)
class Inspection:
    """A basket's view and stream at one moment, and what is inconsistent between them. One that is `archived` has
    neither."""

    view: BasketView | None
    stream: FoldedStream
    inconsistencies: tuple[Inconsistency, ...]
    archived: BasketArchived | None = None

    @property
    def view_version(self) -> int:
        return self.view.version if self.view is not None else 0

    @property
    def lags(self) -> bool:
        return self.stream.newest is not None and self.view_version < self.stream.last_version


class ViewVerifier:
    """Compares streams with the read models. Reads only; any number may run. Every method raises
    StoreUnavailable."""

    def __init__(
        self,
        store: EventStore,
        views: BasketViews,
        audit: ReadModelAudit,
        blocked: BlockedBaskets,
        recheck_after: float = RECHECK_SECONDS,
        concurrency: int = CONCURRENCY,
    ) -> None:
        """Inspects again after `recheck_after` seconds; reads `concurrency` streams at a time."""
        self._store = store
        self._views = views
        self._audit = audit
        self._blocked = blocked
        self._recheck_after = recheck_after
        self._concurrency = concurrency

    async def verify(self, basket_ids: Sequence[str]) -> VerificationResult:
        """Inspects baskets, and those with inconsistencies a second time."""
        inspections = await self.inspect(basket_ids)
        archived = [each.archived for each in inspections.values() if each.archived is not None]
        result = VerificationResult(baskets=len(inspections) - len(archived), archived=archived)
        suspects = [id for id, inspection in inspections.items() if inspection.inconsistencies]
        again: Mapping[str, Inspection] = {}
        if suspects:
            await asyncio.sleep(self._recheck_after)
            again = await self.inspect(suspects)
        for basket_id, inspection in inspections.items():
            result.events += inspection.stream.last_version
            result.inconsistencies += [
                each for each in inspection.inconsistencies if each in again[basket_id].inconsistencies
            ]
            if inspection.lags:
                result.lagging[basket_id] = inspection.stream.last_version
        return result

    async def settle(self, lagging: Mapping[str, int], patience: float) -> list[Inconsistency]:
        """Waits at most `patience` seconds until views reach these versions; reports those that do not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        waiting = dict(lagging)
        while waiting:
            versions = await self._versions(waiting)
            waiting = {id: version for id, version in waiting.items() if versions.get(id, 0) < version}
            if loop.time() >= deadline:
                blocked = await self._blocked.blocked(waiting)
                return [
                    lag_inconsistency(id, versions.get(id, 0), version, parked=id in blocked)
                    for id, version in sorted(waiting.items())
                ]
            if waiting:
                await asyncio.sleep(POLL_SECONDS)
        return []

    async def verify_claims(self, after: str, limit: int) -> tuple[list[Inconsistency], str | None]:
        """Checks whether the baskets of the next claims after a name hold them. Also returns the last name looked
        at, None at the end."""
        suspects, last = await self._audit.mismatched_claims(after, limit)
        inconsistencies = []
        for name, basket_id in suspects:
            stream = fold_stream(basket_id, await self._store.read_events(basket_id), frozenset())
            # Verifying the basket reports a stream that cannot be folded.
            if stream.newest is None and stream.last_version:
                continue
            if stream.newest is not None:
                claimed = replace(stream, claimed=frozenset({name}))
                inconsistencies += check_claims(claimed, {name: await self._store.find_claim(name)})
            elif await self._store.find_claim(name) == basket_id:
                words = "a name is claimed for a basket that has no events"
                inconsistencies.append(Inconsistency(kind="claim_left_behind", subject=basket_id, words=words))
        return inconsistencies, last

    async def inspect(self, basket_ids: Sequence[str]) -> dict[str, Inspection]:
        """Reads the read models before the events, so that a view is never newer than its stream unless something
        is wrong."""
        ids = [*dict.fromkeys(basket_ids)]
        held = await self._audit.held(ids)
        snapshots = await self._views.snapshots(ids)
        slots = asyncio.Semaphore(self._concurrency)

        async def inspect_one(basket_id: str) -> Inspection:
            row = held.get(basket_id, StoredReadModel(None, frozenset()))
            view = row.view and replace(row.view, snapshot=snapshots.get(basket_id, b""), uses=row.uses)
            async with slots:
                try:
                    stored = await self._store.read_events(basket_id)
                except BasketArchived as archived:
                    return Inspection(None, fold_stream(basket_id, (), frozenset()), (), archived)
                stream = fold_stream(basket_id, stored, frozenset({view.version} if view else ()))
                holders = {name: await self._store.find_claim(name) for name in sorted(stream.claimed)}
            found = [*stream.inconsistencies, *check_view(view, stream), *check_claims(stream, holders)]
            if view is None and row.uses and not stream.last_version:
                words = "open_basket_uses holds names of a basket that has neither events nor a view"
                found.append(Inconsistency(kind="uses_differ", subject=basket_id, words=words))
            return Inspection(view, stream, tuple(found))

        return dict(zip(ids, await asyncio.gather(*map(inspect_one, ids)), strict=True))

    async def _versions(self, basket_ids: Mapping[str, int]) -> dict[str, int]:
        ids, versions = [*basket_ids], dict[str, int]()
        for start in range(0, len(ids), VERSIONS_PER_QUERY):
            versions |= await self._views.versions(ids[start : start + VERSIONS_PER_QUERY])
        return versions
