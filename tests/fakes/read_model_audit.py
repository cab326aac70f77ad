"""Read models in memory."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from domain.basket.repository import claim_name
from domain.operators.audit import OperatorAction
from domain.operators.verify.repair import Repair, RepairAction
from domain.operators.verify.view_verifier import StoredReadModel
from domain.ports.event_store import StoredEvent
from domain.ports.read_models import BasketView
from tests.fakes.basket_views import InMemoryBasketViews
from tests.fakes.event_store import InMemoryEventStore


class InMemoryReadModelAudit:
    """ReadModelAudit and ReadModelRepair."""

    def __init__(self, store: InMemoryEventStore, views: InMemoryBasketViews) -> None:
        self._store = store
        self._views = views
        self.actions: list[OperatorAction] = []

    async def held(self, basket_ids: Collection[str]) -> Mapping[str, StoredReadModel]:
        rows, used = self._views.rows, self._views.used
        return {
            id: StoredReadModel(
                replace(rows[id], snapshot=b"", uses=None) if id in rows else None, used.get(id, frozenset())
            )
            for id in basket_ids
            if id in rows or used.get(id)
        }

    async def basket_ids(self, after: str, limit: int, partner: str | None) -> tuple[Sequence[str], str | None]:
        firsts = await self._firsts()
        used = {id for id, uses in self._views.used.items() if uses}
        page = sorted(id for id in {*firsts, *self._views.rows, *used} if id > after)[:limit]
        theirs = [id for id in page if partner is None or partner in self._partners(id, firsts)]
        return theirs, page[-1] if page else None

    async def some_basket_ids(self, count: int, partner: str | None) -> Sequence[str]:
        firsts = await self._firsts()
        ids = [id for id in firsts if partner is None or partner in self._partners(id, firsts)]
        views = [id for id in self._views.rows if partner is None or partner in self._partners(id, firsts)]
        chosen = [*random.sample(ids, min(count, len(ids))), *random.sample(views, min(1, len(views)))]
        return [*dict.fromkeys(chosen)]

    async def count(self) -> int:
        return len(self._views.rows)

    async def mismatched_claims(self, after: str, limit: int) -> tuple[Sequence[tuple[str, str]], str | None]:
        page = sorted(name for name in self._store.claims if name > after)[:limit]
        claims = [(name, self._store.claims[name]) for name in page]
        return [each for each in claims if each[0] != _claim_of(self._views.rows.get(each[1]))], (
            page[-1] if page else None
        )

    async def positions(self) -> tuple[int, int]:
        last = len(await self._store.read(0, sys.maxsize))
        return last, last

    async def repair(self, repairs: Sequence[Repair], action: RepairAction) -> Collection[str]:
        repaired = {repair.basket_id for repair in repairs if self._repair_view(repair)}
        claiming = [
            repair
            for repair in repairs
            if repair.claims and len(await self._store.read_events(repair.basket_id)) == repair.stream_version
        ]
        for repair in claiming:
            for name, holder in [*self._store.claims.items()]:
                if holder == repair.basket_id and name != repair.claim:
                    del self._store.claims[name]
                    repaired.add(repair.basket_id)
        for repair in claiming:
            if repair.claim is not None and repair.claim not in self._store.claims:
                self._store.claims[repair.claim] = repair.basket_id
                repaired.add(repair.basket_id)
        if repaired:
            self.actions.append(action(repaired))
        return repaired

    def _repair_view(self, repair: Repair) -> bool:
        held = self._views.rows.get(repair.basket_id)
        if (held.version if held else 0) != repair.seen_version:
            return False
        if repair.view is None:
            self._views.rows.pop(repair.basket_id, None)
            self._views.used.pop(repair.basket_id, None)
        else:
            self._views.rows[repair.basket_id] = repair.view
            self._views.used[repair.basket_id] = repair.view.uses or frozenset()
        return True

    async def _firsts(self) -> dict[str, StoredEvent]:
        events = await self._store.read(0, sys.maxsize)
        return {event.stream_id: event for event in events if event.version == 1}

    def _partners(self, basket_id: str, firsts: Mapping[str, StoredEvent]) -> set[object]:
        view, first = self._views.rows.get(basket_id), firsts.get(basket_id)
        said = {json.loads(first.metadata).get("partner")} if first is not None else set()
        return said | ({view.partner} if view is not None else set())


def _claim_of(view: BasketView | None) -> str | None:
    if view is None or view.status != "open" or view.external_id is None:
        return None
    return claim_name(view.partner, view.external_id)
