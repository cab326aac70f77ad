"""What operators changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from adapters.container import Container
from domain.operators.audit import OperatorAction
from domain.shared.eventsourcing import Value
from domain.shared.values import Timestamp


class ActionsPage(Value):
    """The newest first."""

    actions: tuple[OperatorAction, ...]
    next_before: AwareDatetime | None
    """Leads to the older actions as the parameter `before`. Null: there are none."""


def router(container: Container) -> APIRouter:
    routes = APIRouter(tags=["audit"])

    @routes.get("/audit", summary="What operators changed, the newest first")
    async def list_actions(
        before: Annotated[Timestamp | None, Query(description="Only what occurred before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> ActionsPage:
        actions = await container.audit_log.newest(before, limit)
        more = actions[-1].occurred_at if len(actions) == limit else None
        return ActionsPage(actions=tuple(actions), next_before=more)

    return routes
