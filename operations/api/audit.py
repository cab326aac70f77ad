"""What operators changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from adapters.wiring import Parts
from domain.base import Value
from domain.operating.actions import OperatorAction
from operations.api.params import Moment
from operations.api.problems import problems


class ActionsPage(Value):
    """The newest first."""

    actions: tuple[OperatorAction, ...]
    next_before: AwareDatetime | None
    """Leads to the older ones as the parameter `before`; null: there are none."""


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["audit"])

    @routes.get("/audit", summary="What operators changed, the newest first", responses=problems())
    async def list_actions(
        before: Annotated[Moment | None, Query(description="Only what occurred before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> ActionsPage:
        actions = await parts.operator_actions.newest(before, limit)
        more = actions[-1].occurred_at if len(actions) == limit else None
        return ActionsPage(actions=tuple(actions), next_before=more)

    return routes
