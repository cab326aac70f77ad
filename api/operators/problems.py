"""Errors as problem documents: the partner API's table, and the errors that only operators meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.wire.problems import MEDIA_TYPE, Problem, ProblemType, to_problem
from adapters.wire.request_errors import InvalidRequest, MalformedBody, MethodNotAllowed, RouteNotFound
from domain.operators.dead_letters.model import DeadLetterNotFound
from domain.operators.history.as_of import HistoryUnreadable
from domain.operators.history.search import InvalidPage
from domain.operators.rebuild import RebuildRefused
from domain.shared.errors import BasketArchived, CheckoutError, StoreForbidden, Violation
from domain.validation.revalidate_as_of import NotFoundAsOf


class RebuildNotFound(CheckoutError):
    def __init__(self, rebuild_id: str) -> None:
        super().__init__(f"there is no rebuild {rebuild_id}")


class NotConfirmed(CheckoutError):
    """A change that cannot be undone was not confirmed by the id of what it changes."""


OPERATOR_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    BasketArchived: ProblemType(404, "basket_archived", "The basket is in the archive"),
    NotFoundAsOf: ProblemType(404, "nothing_then", "The basket was not there at that moment"),
    HistoryUnreadable: ProblemType(409, "history_unreadable", "A stored event cannot be read by this release"),
    InvalidPage: ProblemType(422, "invalid_page", "There is no such page"),
    DeadLetterNotFound: ProblemType(404, "dead_letter_not_found", "There is no such dead letter"),
    RebuildNotFound: ProblemType(404, "rebuild_not_found", "There is no such rebuild"),
    RebuildRefused: ProblemType(409, "rebuild_refused", "It cannot be done now"),
    StoreForbidden: ProblemType(503, "database_role_lacks_right", "This service's database role may not do it"),
    NotConfirmed: ProblemType(422, "not_confirmed", "What cannot be taken back wants to be confirmed"),
}

_DESCRIPTIONS = {
    400: "The body cannot be read.",
    401: "There is no valid token.",
    403: "The token lacks the scope `operator`.",
    404: "There is no such thing.",
    409: "The current state does not allow it.",
    415: "The body is compressed, as its header says.",
    422: "The request is readable and wrong. Nothing was changed.",
    503: "A part of the service is away. Trying again is safe.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses with these statuses, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def operator_problem(error: Exception) -> Problem:
    for ancestor in type(error).__mro__:
        if ancestor in OPERATOR_PROBLEMS:
            return Problem(OPERATOR_PROBLEMS[ancestor], str(error))
    return to_problem(error)


def add_problem_handlers(app: FastAPI) -> None:
    """Any other error rises to the RequestMiddleware, which logs it."""
    app.add_exception_handler(CheckoutError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _framework_error)


async def _domain_error(_: Request, error: Exception) -> Response:
    return _response(operator_problem(error))


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker)
    errors: list[dict[str, JsonValue]] = [*error.errors()]
    if any(each["type"] == "json_invalid" for each in errors):
        return _response(to_problem(MalformedBody("the body is no JSON")))
    violations = tuple(
        Violation(tuple(each["loc"]), str(each["type"]), str(each["msg"]).removeprefix("Value error, "))  # type: ignore[arg-type]
        for each in errors
    )
    return _response(to_problem(InvalidRequest(violations)))


async def _framework_error(_: Request, error: Exception) -> Response:
    if isinstance(error.__cause__, CheckoutError):
        return _response(operator_problem(error.__cause__))
    if getattr(error, "status_code", None) == 400:
        # The framework cannot parse a body for other reasons than syntax: nested too deep, not UTF-8.
        return _response(to_problem(MalformedBody("the body is no JSON")))
    allowed = (getattr(error, "headers", None) or {}).get("Allow")
    return _response(to_problem(MethodNotAllowed(allowed.split(", ")) if allowed else RouteNotFound()))


def _response(problem: Problem) -> Response:
    rendered = problem.response()
    return Response(rendered.body, rendered.status, rendered.headers)
