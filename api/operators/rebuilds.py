"""Rebuilds: started, watched, cancelled and rolled back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from adapters.container import Container
from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from api.operators.authentication import (
    Reason,
    ReasonBody,
    RequestIdentity,
    operator_from_token,
)
from api.operators.parameters import Term
from api.operators.problems import RebuildNotFound, problems
from api.operators.strict_json_route import StrictJsonRoute
from domain.operators.rebuild import Rebuild, RebuildTarget
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.eventsourcing import Value

RebuildPath = Annotated[Term, Path(alias="rebuildId", examples=["019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11"])]


class StartRebuild(RebuildRequest):
    """A rebuild that is to be started, and why."""

    reason: Reason


class TargetAndReason(ReasonBody):
    """What is meant, and why."""

    target: RebuildTarget


class RebuildList(Value):
    """The newest first."""

    rebuilds: tuple[Rebuild, ...]


class CancelResult(Value):
    """Whether it was asked to stop; false: it does not run, or was asked already."""

    requested: bool


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["rebuilds"], route_class=StrictJsonRoute)
    rebuilds = parts.rebuilds

    @routes.get("/rebuilds", summary="The newest rebuilds, those that run among them", responses=problems())
    async def list_rebuilds(limit: Annotated[int, Query(ge=1, le=200)] = 20) -> RebuildList:
        return RebuildList(rebuilds=tuple(await rebuilds.newest(limit)))

    @routes.get(
        "/rebuilds/{rebuildId}",
        summary="A rebuild: how far it is, how fast, and what differed",
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
        summary="Start a rebuild, as a process of its own",
        responses=problems(409, 415),
    )
    async def start_rebuild(wanted: StartRebuild, signed: RequestIdentity) -> Rebuild:
        """202 once it has begun. 409 with the words of `checkout rebuild` where it cannot: another one runs, or
        none waits to be resumed."""
        if wanted.target == "catalogue" and (wanted.partner or wanted.baskets or wanted.since):
            wrong = Violation(("body", "target"), "scope", "the catalogue is rebuilt as a whole")
            raise InvalidCommand((wrong,))
        return await launch_rebuild(
            parts.settings, rebuilds, wanted, operator_from_token(signed, wanted.reason)
        )

    @routes.post(
        "/rebuilds/{rebuildId}/cancel",
        summary="Ask a running rebuild to stop; it can be resumed",
        responses=problems(404, 415),
    )
    async def cancel_rebuild(
        rebuild_id: RebuildPath, why: ReasonBody, signed: RequestIdentity
    ) -> CancelResult:
        if await rebuilds.find(rebuild_id) is None:
            raise RebuildNotFound(rebuild_id)
        done = await rebuilds.request_cancel(rebuild_id, operator_from_token(signed, why.reason))
        return CancelResult(requested=done)

    @routes.post(
        "/rebuilds/roll-back",
        summary="Put the kept generation in the place of the live one",
        responses=problems(409, 415),
    )
    async def roll_back_rebuild(meant: TargetAndReason, signed: RequestIdentity) -> Rebuild:
        return await rebuilds.roll_back(meant.target, operator_from_token(signed, meant.reason))

    @routes.post(
        "/rebuilds/abandon",
        summary="Give up a rebuild that was stopped, and drop what it made",
        responses=problems(404, 409, 415),
    )
    async def abandon_rebuild(meant: TargetAndReason, signed: RequestIdentity) -> Rebuild:
        abandoned = await rebuilds.abandon(meant.target, operator_from_token(signed, meant.reason))
        if abandoned is None:
            raise RebuildNotFound(f"of {meant.target} that was stopped")
        return abandoned

    return routes
