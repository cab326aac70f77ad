"""Dead letters: listed, shown, retried and skipped."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from adapters.container import Container
from api.operators.authentication import RequestIdentity, operator_from_token
from api.operators.problems import problems
from api.operators.requests import ReasonBody, StrictJsonRoute, Term
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterDetails, DeadLetterPage, ResolutionResult
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.eventsourcing import Value

LetterPath = Annotated[int, Path(alias="letterId", ge=1, le=2**63 - 1, examples=[17])]
SETTLED: dict[str, bool | None] = {"waiting": False, "settled": True, "all": None}


class DeadLetterCounts(Value):
    """How many letters wait, by topic and code."""

    counts: tuple[DeadLetterCount, ...]


def router(container: Container) -> APIRouter:
    routes = APIRouter(tags=["dead letters"], route_class=StrictJsonRoute)
    letters = container.dead_letter_service

    @routes.get("/dead-letters", summary="Dead letters, the oldest first")
    async def list_dead_letters(
        which: Annotated[Literal["waiting", "settled", "all"], Query()] = "waiting",
        topic: Annotated[Term | None, Query()] = None,
        code: Annotated[Term | None, Query()] = None,
        basket_id: Annotated[Term | None, Query(alias="basketId")] = None,
        cursor: Annotated[str | None, Query(description="The `nextCursor` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> DeadLetterPage:
        try:
            return await letters.list(cursor, limit, SETTLED[which], topic=topic, code=code, basket_id=basket_id)
        except ValueError as error:
            raise InvalidCommand((Violation(("query", "cursor"), "unknown_cursor", str(error)),)) from error

    @routes.get("/dead-letters/counts", summary="How many dead letters wait")
    async def count_dead_letters() -> DeadLetterCounts:
        return DeadLetterCounts(counts=tuple(await letters.counts()))

    @routes.get(
        "/dead-letters/{letterId}",
        summary="A whole dead letter: its message, and what a retry or a skip would do",
        responses=problems(404),
    )
    async def show_dead_letter(letter_id: LetterPath) -> DeadLetterDetails:
        return await letters.show(letter_id)

    @routes.post("/dead-letters/{letterId}/retry", summary="Process a dead letter again", responses=problems(404, 415))
    async def retry_dead_letter(letter_id: LetterPath, body: ReasonBody, identity: RequestIdentity) -> ResolutionResult:
        """200 whatever the outcome, which `result` says. A letter that waits for an earlier one of its basket is not
        tried."""
        return await letters.retry(letter_id, operator_from_token(identity, body.reason))

    @routes.post(
        "/dead-letters/{letterId}/skip",
        summary="Leave a dead letter out, so that what waits for it goes on",
        responses=problems(404, 415),
    )
    async def skip_dead_letter(letter_id: LetterPath, body: ReasonBody, identity: RequestIdentity) -> ResolutionResult:
        return await letters.skip(letter_id, operator_from_token(identity, body.reason))

    return routes
