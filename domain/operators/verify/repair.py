"""Mending what was derived from baskets' events, where verifying found that it is not as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from domain.basket.projection import to_view
from domain.basket.repository import external_id_claim
from domain.operators.audit import Operator, OperatorAction
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.view_verifier import Inspection, ViewVerifier
from domain.ports.read_models import BasketView
from domain.shared.values import Clock, NewId

BATCH_SIZE = 100
MAX_ROUNDS = 5
GRACE_SECONDS = 1.0
CLAIM_KINDS = frozenset({"claim_missing", "claim_held_by_another", "claim_left_behind"})


@dataclass(frozen=True, slots=True)
class Repair:
    """What one basket's derived rows are to become, and what must still hold then for it to be done."""

    basket_id: str
    held_version: int
    """The version at which the view was seen; 0: there was none. At another one it is left alone: somebody moved it."""
    view: BasketView | None
    """The row as the events say, with its uses; None: there are no events, and neither view nor uses are to be."""
    stream_version: int
    """The version at which the stream was seen; claims are left alone where it went on."""
    claims: bool = False
    """Whether its claims are mended too."""
    claim: str | None = None
    """The one name that it is to hold then, if nobody else does."""


RepairAction = Callable[[Collection[str]], OperatorAction]
"""The action to record about the baskets that were mended."""


class ReadModelRepair(Protocol):
    """Writes what was derived anew, past the rule that views only move forward."""

    async def mend(self, mends: Sequence[Repair], recorded: RepairAction) -> Collection[str]:
        """Mends those baskets for which what was seen still holds, and records it, in one transaction; returns
        them. A mover that waits for a row to be free finds it gone, and begins afresh. Raises StoreUnavailable."""


@dataclass(slots=True)
class RepairResult:
    """`mended` are the baskets that were, each with what was wrong with it; `left` what is not as it should be
    still."""

    mended: dict[str, set[str]] = field(default_factory=dict)
    left: list[Inconsistency] = field(default_factory=list)


class ViewRepairer:
    """Mends views, uses and claims, from the events and nothing else."""

    def __init__(
        self,
        verification: ViewVerifier,
        rows: ReadModelRepair,
        clock: Clock,
        new_id: NewId,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """`grace`, in seconds: longer than a mover takes from reading a view to moving it."""
        self._verification = verification
        self._rows = rows
        self._clock = clock
        self._new_id = new_id
        self._grace = grace

    async def repair(
        self, drifts: Sequence[Inconsistency], operator: Operator, begun: RepairResult | None = None
    ) -> RepairResult:
        """Mends what is repairable of these, and looks again: a mover that had read a wrong row just before may have
        moved it on since, and is then mended again. What cannot be mended is left. Raises StoreUnavailable; what was
        mended until then stays mended, is recorded, and stands in `begun`, with which the same call goes on."""
        result = begun or RepairResult()
        result.left = [drift for drift in drifts if not drift.repairable]
        wrong = [drift for drift in drifts if drift.repairable]
        for _ in range(MAX_ROUNDS):
            kinds: dict[str, set[str]] = {}
            for drift in wrong:
                kinds.setdefault(drift.subject, set()).add(drift.kind)
            waiting, reached = sorted(kinds), dict[str, int]()
            for start in range(0, len(waiting), BATCH_SIZE):
                page = waiting[start : start + BATCH_SIZE]
                of_page = {basket_id: kinds[basket_id] for basket_id in page}
                reached |= await self._mend(of_page, operator, result)
            await asyncio.sleep(self._grace if kinds else 0)
            wrong = await self._still_wrong(waiting, reached)
            if not wrong:
                break
        result.left += wrong
        return result

    async def _still_wrong(
        self, basket_ids: Sequence[str], reached: Mapping[str, int]
    ) -> list[Inconsistency]:
        """What is wrong after all; a view may go on to lag behind what happened since."""
        wrong: list[Inconsistency] = []
        for start in range(0, len(basket_ids), BATCH_SIZE):
            verified = await self._verification.verify(basket_ids[start : start + BATCH_SIZE])
            wrong += [drift for drift in verified.drifts if drift.repairable]
        return wrong + await self._verification.settle(reached, 0)

    async def _mend(
        self, kinds: Mapping[str, Collection[str]], operator: Operator, result: RepairResult
    ) -> dict[str, int]:
        """Mends what is wrong still; returns the versions that these baskets' views have now at least."""

        def recorded(mended: Collection[str]) -> OperatorAction:
            baskets: dict[str, JsonValue] = {id: [*sorted(kinds[id])] for id in sorted(mended)}
            return OperatorAction(
                id=self._new_id(),
                type="operations.views-repaired.v1",
                operator=operator,
                scope={"baskets": baskets, "count": len(mended)},
                occurred_at=self._clock(),
            )

        looks = await self._verification.look([*kinds])
        mends = [
            repair_for(look, claims=not CLAIM_KINDS.isdisjoint(kinds[basket_id]))
            for basket_id, look in looks.items()
            if _can_be_mended(look, kinds[basket_id])
        ]
        for basket_id in await self._rows.mend(mends, recorded) if mends else ():
            result.mended.setdefault(basket_id, set()).update(kinds[basket_id])
        return {mend.basket_id: mend.stream_version for mend in mends if mend.view is not None}


def _can_be_mended(look: Inspection, kinds: Collection[str]) -> bool:
    """Whether something is wrong still, and there is something to write: a fold to the end, or that there is nothing.
    A claim under a name that the basket never had shows where claims are looked at, not here."""
    wrong = look.drifts or look.lags or not CLAIM_KINDS.isdisjoint(kinds)
    return bool(wrong) and (look.stream.newest is not None or not look.stream.last_version)


def repair_for(look: Inspection, *, claims: bool) -> Repair:
    """What the derived rows of a basket are to be, by its events."""
    basket = look.stream.newest
    return Repair(
        basket_id=look.stream.basket_id,
        held_version=look.held_version,
        view=to_view(basket) if basket is not None else None,
        stream_version=look.stream.last_version,
        claims=claims,
        claim=external_id_claim(basket) if basket is not None else None,
    )
