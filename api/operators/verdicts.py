"""The verdicts on a basket, and what they rest on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from adapters.container import Container
from api.operators.baskets import BasketPath
from api.operators.problems import problems
from domain.operators.history.verdict_reader import (
    VerdictDetails,
    VerdictReader,
    VerdictSummary,
    verdict_summaries,
)
from domain.shared.eventsourcing import Value


class VerdictList(Value):
    """Oldest first."""

    verdicts: tuple[VerdictSummary, ...]


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["verdicts"])
    reading = VerdictReader(parts.event_store, parts.catalogue_history)

    @routes.get("/baskets/{basketId}/verdicts", summary="The verdicts on a basket", responses=problems(404))
    async def list_verdicts(basket_id: BasketPath) -> VerdictList:
        return VerdictList(verdicts=tuple(verdict_summaries(await parts.basket_history.entries(basket_id))))

    @routes.get(
        "/baskets/{basketId}/verdicts/{version}",
        summary="A verdict with its evidence: each fact with its content",
        responses=problems(404),
    )
    async def show_verdict(basket_id: BasketPath, version: Annotated[int, Path(ge=1)]) -> VerdictDetails:
        return await reading.of(basket_id, version)

    return routes
