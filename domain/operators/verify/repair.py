"""Repairs read models that verification found inconsistent: views, their uses, and claims."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from domain.basket.basket_view import to_view
from domain.basket.repository import external_id_claim
from domain.operators.audit import Operator, OperatorAction
from domain.operators.verify.inconsistencies import CLAIM_KINDS, Inconsistency
from domain.operators.verify.view_verifier import Inspection, ViewVerifier
from domain.ports.read_models import BasketView
from domain.shared.values import Clock, NewId

BATCH_SIZE = 100
MAX_ROUNDS = 5
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Repair:
    """What one basket's read models are to become, and the versions at which they may be replaced."""

    basket_id: str
    seen_version: int
    """The view's version when it was inspected; 0: there was none. A view that moved since is left alone."""
    view: BasketView | None
    """The view and uses that the events give; None: there are no events, so both are deleted."""
    stream_version: int = 0
    """The stream's version when it was inspected; claims are left alone if it moved on."""
    claims: bool = False
    """Whether the claims are repaired too."""
    claim: str | None = None
    """The one name that the basket shall claim, if nobody else holds it."""


RepairAction = Callable[[Collection[str]], OperatorAction]
"""Makes the audit record about the repaired baskets."""


class ReadModelRepair(Protocol):
    """Replaces read models, past the rule that views only move forward."""

    async def repair(self, repairs: Sequence[Repair], action: RepairAction) -> Collection[str]:
        """Repairs the baskets that are still at the versions seen, and records that, in one transaction. Returns
        their ids. A projector that waits for such a row finds it gone, and folds again. Raises StoreUnavailable."""


@dataclass(slots=True)
class RepairResult:
    """`repaired` maps basket ids to what was wrong; `remaining` is what is still inconsistent."""

    repaired: dict[str, set[str]] = field(default_factory=dict)
    remaining: list[Inconsistency] = field(default_factory=list)


class ViewRepairer:
    """Derives views, uses and claims again from the events and nothing else."""

    def __init__(
        self,
        verifier: ViewVerifier,
        rows: ReadModelRepair,
        clock: Clock,
        new_id: NewId,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """`grace`: seconds, longer than a projector takes from reading a view to writing it."""
        self._verifier = verifier
        self._rows = rows
        self._clock = clock
        self._new_id = new_id
        self._grace = grace

    async def repair(
        self, inconsistencies: Sequence[Inconsistency], operator: Operator, result: RepairResult | None = None
    ) -> RepairResult:
        """Repairs what is repairable, then verifies again: a projector that had read a wrong row may have written
        it since. Raises StoreUnavailable; call it again with the same `result` to go on after that."""
        result = result or RepairResult()
        result.remaining = [each for each in inconsistencies if not each.repairable]
        wrong = [each for each in inconsistencies if each.repairable]
        for _ in range(MAX_ROUNDS):
            kinds: dict[str, set[str]] = {}
            for each in wrong:
                kinds.setdefault(each.subject, set()).add(each.kind)
            baskets, expected = sorted(kinds), dict[str, int]()
            for start in range(0, len(baskets), BATCH_SIZE):
                batch = {id: kinds[id] for id in baskets[start : start + BATCH_SIZE]}
                expected |= await self._repair_batch(batch, operator, result)
            await asyncio.sleep(self._grace if kinds else 0)
            wrong = await self._still_wrong(baskets, expected)
            if not wrong:
                break
        result.remaining += wrong
        return result

    async def _still_wrong(self, basket_ids: Sequence[str], expected: Mapping[str, int]) -> list[Inconsistency]:
        """A view may lag behind what happened since, but not behind the version that the repair wrote."""
        wrong: list[Inconsistency] = []
        for start in range(0, len(basket_ids), BATCH_SIZE):
            verified = await self._verifier.verify(basket_ids[start : start + BATCH_SIZE])
            wrong += [each for each in verified.inconsistencies if each.repairable]
        return wrong + await self._verifier.settle(expected, 0)

    async def _repair_batch(
        self, kinds: Mapping[str, Collection[str]], operator: Operator, result: RepairResult
    ) -> dict[str, int]:
        """Repairs what is still wrong. Returns the versions that these baskets' views now have at least."""

        def action(repaired: Collection[str]) -> OperatorAction:
            baskets: dict[str, JsonValue] = {id: [*sorted(kinds[id])] for id in sorted(repaired)}
            return OperatorAction(
                id=self._new_id(),
                type="operations.views-repaired.v1",
                operator=operator,
                scope={"baskets": baskets, "count": len(repaired)},
                occurred_at=self._clock(),
            )

        inspections = await self._verifier.inspect([*kinds])
        repairs = [
            _repair_of(inspection, claims=not CLAIM_KINDS.isdisjoint(kinds[basket_id]))
            for basket_id, inspection in inspections.items()
            if _is_repairable(inspection, kinds[basket_id])
        ]
        for basket_id in await self._rows.repair(repairs, action) if repairs else ():
            result.repaired.setdefault(basket_id, set()).update(kinds[basket_id])
        return {repair.basket_id: repair.stream_version for repair in repairs if repair.view is not None}


def _is_repairable(inspection: Inspection, kinds: Collection[str]) -> bool:
    """Something is still wrong, and the stream folds to its end or is empty. Only claims that the basket once
    made show in an inspection, so claim kinds always count as wrong."""
    wrong = inspection.inconsistencies or inspection.lags or not CLAIM_KINDS.isdisjoint(kinds)
    return bool(wrong) and (inspection.stream.newest is not None or not inspection.stream.last_version)


def _repair_of(inspection: Inspection, *, claims: bool) -> Repair:
    basket = inspection.stream.newest
    return Repair(
        basket_id=inspection.stream.basket_id,
        seen_version=inspection.view_version,
        view=to_view(basket) if basket is not None else None,
        stream_version=inspection.stream.last_version,
        claims=claims,
        claim=external_id_claim(basket) if basket is not None else None,
    )
