"""Rebuilds: started, watched, cancelled, rolled back and abandoned."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from adapters.container import Container
from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from api.operators.authentication import RequestIdentity, operator_from_token
from api.operators.problems import RebuildNotFound, problems
from api.operators.requests import Reason, ReasonBody, StrictJsonRoute, Term
from domain.operators.rebuild import Rebuild, RebuildTarget
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.eventsourcing import Value

RebuildPath = Annotated[Term, Path(alias="rebuildId", examples=["019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11"])]


class StartRebuild(RebuildRequest):
    """A rebuild to start, and why."""

    reason: Reason


class TargetAndReason(ReasonBody):
    """What the change is about, and why."""

    target: RebuildTarget


class RebuildList(Value):
    """The newest first."""

    rebuilds: tuple[Rebuild, ...]


class CancelResult(Value):
    """Whether it was asked to stop. False: it does not run, or was asked before."""

    requested: bool


def router(container: Container) -> APIRouter:
    routes = APIRouter(tags=["rebuilds"], route_class=StrictJsonRoute)
    rebuilds = container.rebuilds

    @routes.get("/rebuilds", summary="The newest rebuilds, running ones included")
    async def list_rebuilds(limit: Annotated[int, Query(ge=1, le=200)] = 20) -> RebuildList:
        return RebuildList(rebuilds=tuple(await rebuilds.newest(limit)))

    @routes.get(
        "/rebuilds/{rebuildId}",
        summary="A rebuild: its progress, its rate, and what differed",
        responses=problems(404),
    )
    async def show_rebuild(rebuild_id: RebuildPath) -> Rebuild:
        found = await rebuilds.find(rebuild_id)
        if found is None:
            raise RebuildNotFound(rebuild_id)
        return found

    @routes.post(
        "/rebuilds",
        status_code=202,
        summary="Start a rebuild, in a process of its own",
        responses=problems(409, 415),
    )
    async def start_rebuild(body: StartRebuild, identity: RequestIdentity) -> Rebuild:
        """202 once it runs. 409 with the message of `checkout rebuild` if it cannot: another one runs, or none waits to
        be resumed."""
        if body.target == "catalogue" and (body.partner or body.baskets or body.since):
            violation = Violation(("body", "target"), "scope", "the catalogue is rebuilt as a whole")
            raise InvalidCommand((violation,))
        operator = operator_from_token(identity, body.reason)
        return await launch_rebuild(container.settings, rebuilds, body, operator)

    @routes.post(
        "/rebuilds/{rebuildId}/cancel",
        summary="Ask a running rebuild to stop; it can be resumed",
        responses=problems(404, 415),
    )
    async def cancel_rebuild(rebuild_id: RebuildPath, body: ReasonBody, identity: RequestIdentity) -> CancelResult:
        if await rebuilds.find(rebuild_id) is None:
            raise RebuildNotFound(rebuild_id)
        operator = operator_from_token(identity, body.reason)
        return CancelResult(requested=await rebuilds.request_cancel(rebuild_id, operator))

    @routes.post(
        "/rebuilds/roll-back",
        summary="Switch back to the kept generation",
        responses=problems(409, 415),
    )
    async def roll_back_rebuild(body: TargetAndReason, identity: RequestIdentity) -> Rebuild:
        return await rebuilds.roll_back(body.target, operator_from_token(identity, body.reason))

    @routes.post(
        "/rebuilds/abandon",
        summary="Abandon a stopped rebuild, and drop its tables",
        responses=problems(404, 409, 415),
    )
    async def abandon_rebuild(body: TargetAndReason, identity: RequestIdentity) -> Rebuild:
        abandoned = await rebuilds.abandon(body.target, operator_from_token(identity, body.reason))
        if abandoned is None:
            raise RebuildNotFound(f"of {body.target} that was stopped")
        return abandoned

    return routes
