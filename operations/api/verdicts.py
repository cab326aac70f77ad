"""The verdicts on a basket, and what they rest on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from adapters.wiring import Parts
from domain.base import Value
from operations.api.baskets import BasketPath
from operations.api.problems import problems
from operations.judged import JudgedBasket, Judgements, ShownVerdict, judgements


class Verdicts(Value):
    """Oldest first."""

    verdicts: tuple[JudgedBasket, ...]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["verdicts"])
    reading = Judgements(parts.store, parts.history)

    @routes.get("/baskets/{basketId}/verdicts", summary="The verdicts on a basket", responses=problems(404))
    async def list_verdicts(basket_id: BasketPath) -> Verdicts:
        return Verdicts(verdicts=tuple(judgements(await parts.histories.entries(basket_id))))

    @routes.get(
        "/baskets/{basketId}/verdicts/{version}",
        summary="A verdict with its evidence: each fact with its content",
        responses=problems(404),
    )
    async def show_verdict(basket_id: BasketPath, version: Annotated[int, Path(ge=1)]) -> ShownVerdict:
        return await reading.of(basket_id, version)

    return routes
