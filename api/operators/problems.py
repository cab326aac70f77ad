"""How operators are told what went wrong: the partner API's table, and what only operators meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.wire.problems import (
    MEDIA_TYPE,
    Problem,
    ProblemType,
    to_problem,
)
from adapters.wire.request_errors import (
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    RouteNotFound,
)
from domain.operators.dead_letters.model import DeadLetterNotFound
from domain.operators.history.as_of import HistoryUnreadable
from domain.operators.history.search import InvalidPage
from domain.operators.rebuild import RebuildRefused
from domain.shared.errors import CheckoutError, StoreForbidden, Violation
from domain.shared.eventsourcing import Value
from domain.validation.revalidate_as_of import NotFoundAsOf


class OperatorError(CheckoutError):
    """What only the operator API refuses."""


class RebuildNotFound(OperatorError):
    def __init__(self, rebuild_id: str) -> None:
        super().__init__(f"there is no rebuild {rebuild_id}")


class NotConfirmed(OperatorError):
    """What cannot be taken back was not confirmed by typing what it is about."""


OPERATOR_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    NotFoundAsOf: ProblemType(404, "nothing_then", "The basket was not there at that moment"),
    HistoryUnreadable: ProblemType(
        409, "history_unreadable", "A stored event cannot be read by this release"
    ),
    InvalidPage: ProblemType(422, "invalid_page", "There is no such page"),
    DeadLetterNotFound: ProblemType(404, "dead_letter_not_found", "There is no such dead letter"),
    RebuildNotFound: ProblemType(404, "rebuild_not_found", "There is no such rebuild"),
    RebuildRefused: ProblemType(409, "rebuild_refused", "It cannot be done now"),
    StoreForbidden: ProblemType(
        503, "database_role_lacks_right", "This service's database role may not do it"
    ),
    NotConfirmed: ProblemType(422, "not_confirmed", "What cannot be taken back wants to be confirmed"),
}


class ProblemPlace(Value):
    """One thing that is wrong with a request."""

    pointer: str
    """Where, as RFC 6901 writes it, beginning with `/body`, `/query` or `/path`."""
    code: str
    message: str


class ProblemDocument(Value):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable; the type is made of it."""
    errors: tuple[ProblemPlace, ...] = Field(default=())


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a call may answer besides success, for its description."""
    told = {400, 401, 403, 422, 503, *statuses}
    return {
        status: {
            "description": _TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in sorted(told)
    }


_TITLES = {
    400: "The body cannot be read.",
    401: "There is no good token.",
    403: "The token lacks the scope `operator`.",
    404: "There is no such thing.",
    409: "It does not go together with how things are now.",
    415: "The body is compressed, by its own word.",
    422: "The request is readable and wrong; nothing was changed.",
    503: "A part of the service is away; trying again is safe.",
}


def operator_problem(error: Exception) -> Problem:
    for ancestor in type(error).__mro__:
        if ancestor in OPERATOR_PROBLEMS:
            return Problem(OPERATOR_PROBLEMS[ancestor], str(error))
    return to_problem(error)


def add_problem_handlers(app: FastAPI) -> None:
    """What the table does not know rises to the conversation around, which logs it."""
    app.add_exception_handler(CheckoutError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _not_routed)


async def _refused(_: Request, error: Exception) -> Response:
    return _response(operator_problem(error))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker)
    wrong: list[dict[str, JsonValue]] = [*error.errors()]
    if any(each["type"] == "json_invalid" for each in wrong):
        return _response(to_problem(MalformedBody("the body is no JSON")))
    violations = tuple(
        Violation(tuple(each["loc"]), str(each["type"]), str(each["msg"]).removeprefix("Value error, "))  # type: ignore[arg-type]
        for each in wrong
    )
    return _response(to_problem(InvalidRequest(violations)))


async def _not_routed(_: Request, error: Exception) -> Response:
    if isinstance(error.__cause__, CheckoutError):
        return _response(operator_problem(error.__cause__))
    if getattr(error, "status_code", None) == 400:
        # A body that the framework cannot parse for other reasons than its syntax: nested too deep, no UTF-8.
        return _response(to_problem(MalformedBody("the body is no JSON")))
    allowed = (getattr(error, "headers", None) or {}).get("Allow")
    return _response(to_problem(MethodNotAllowed(allowed.split(", ")) if allowed else RouteNotFound()))


def _response(problem: Problem) -> Response:
    answer = problem.response()
    return Response(answer.body, answer.status, answer.headers)
