"""Problem documents (RFC 9457): one table from error to problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from adapters.wire import request_errors
from adapters.wire.strict_json import pointer
from domain.basket.command_executor import VersionConflict
from domain.basket.lister import InvalidCursor
from domain.basket.serialization import entity_tag, serialize_order
from domain.ports.event_store import RenderedResponse
from domain.shared import errors
from domain.shared.errors import Violation

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """The code is stable, and the type URN is made of it."""

    status: int
    code: str
    title: str

    @property
    def type(self) -> str:
        return f"urn:checkout:problem:{self.code.replace('_', '-')}"


INTERNAL_ERROR = ProblemType(500, "internal_error", "Something went wrong on our side")

_INVALID_PARAMETERS = ProblemType(422, "invalid_parameters", "The query cannot be carried out as it stands")

PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    request_errors.MalformedBody: ProblemType(400, "malformed_json", "The body is no JSON"),
    request_errors.RepeatedMemberName: ProblemType(400, "repeated_member", "A member stands twice in one object"),
    request_errors.InvalidHeader: ProblemType(400, "invalid_header", "A header cannot be read"),
    request_errors.InvalidLandingState: ProblemType(400, "invalid_landing_state", "The landing state cannot be used"),
    request_errors.NotAuthenticated: ProblemType(401, "not_authenticated", "A valid token is needed"),
    request_errors.NotAllowed: ProblemType(403, "not_allowed", "The token does not allow this"),
    request_errors.RouteNotFound: ProblemType(404, "not_found", "There is nothing here"),
    request_errors.MethodNotAllowed: ProblemType(405, "method_not_allowed", "The path does not take this method"),
    request_errors.BodyTooLarge: ProblemType(413, "body_too_large", "The body is too large"),
    request_errors.UnsupportedMediaType: ProblemType(415, "unsupported_media_type", "The body must be JSON"),
    request_errors.UnsupportedContentEncoding: ProblemType(
        415, "unsupported_content_encoding", "The body must not be compressed"
    ),
    request_errors.InvalidBasketId: ProblemType(422, "invalid_basket_id", "This cannot be a basket's id"),
    request_errors.InvalidParameters: _INVALID_PARAMETERS,
    InvalidCursor: _INVALID_PARAMETERS,
    request_errors.KeysUnavailable: ProblemType(503, "keys_unavailable", "Tokens cannot be checked at present"),
    errors.BasketNotFound: ProblemType(404, "basket_not_found", "There is no such basket"),
    errors.BasketFinished: ProblemType(409, "basket_finished", "The basket takes no more changes"),
    errors.ExternalIdInUse: ProblemType(409, "external_id_in_use", "Another open basket has this external id"),
    VersionConflict: ProblemType(409, "conflict", "Other writers changed the basket at the same time"),
    errors.VersionMismatch: ProblemType(412, "version_mismatch", "The basket is at another version"),
    errors.BasketExists: ProblemType(412, "basket_exists", "The basket is there already"),
    errors.InvalidCommand: ProblemType(422, "invalid_request", "The request cannot be carried out as it stands"),
    errors.KeyReused: ProblemType(422, "idempotency_key_reused", "The idempotency key stands for another request"),
    errors.RequestInProgress: ProblemType(409, "request_in_progress", "The first request still runs"),
    errors.AnsweredElsewhere: ProblemType(409, "request_in_progress", "The first request still runs"),
    errors.StoreUnavailable: ProblemType(503, "store_unavailable", "Baskets cannot be reached at present"),
    errors.Unavailable: ProblemType(503, "unavailable", "A part of the service is away at present"),
}
"""A subclass that is not listed has the problem of its nearest listed ancestor."""

RETRY_AFTER_ONE_SECOND = {"Retry-After": "1"}

MAX_ERRORS = 100
"""A problem lists so many errors; its detail says how many there are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One occurrence of a problem. `errors` are places in the body; `members` are further members of the document."""

    kind: ProblemType
    detail: str
    errors: tuple[Violation, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def render(self) -> bytes:
        document: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "message": self.detail,
            "code": self.kind.code,
            **self.members,
        }
        if self.errors:
            document["errors"] = [
                {"pointer": pointer(violation.location), "code": violation.code, "message": violation.message}
                for violation in self.errors
            ]
        return to_json(document)

    def response(self) -> RenderedResponse:
        return RenderedResponse(self.kind.status, {"content-type": MEDIA_TYPE, **self.headers}, self.render())


def to_problem(error: Exception) -> Problem:
    """The problem of an error. An error that is not in the table is an internal error, and shows none of its words."""
    kind = next((PROBLEM_TYPES[ancestor] for ancestor in type(error).__mro__ if ancestor in PROBLEM_TYPES), None)
    if kind is None:
        return Problem(INTERNAL_ERROR, "The failure was written to our log; trying again may help.")
    match error:
        case errors.InvalidCommand(violations=violations, omitted=omitted):
            headers = error.headers if isinstance(error, request_errors.InvalidInput) else {}
            return Problem(kind, _counted(len(violations) + omitted), violations[:MAX_ERRORS], headers=headers)
        case errors.BasketFinished(status=status):
            return Problem(kind, str(error), members={"basketStatus": status})
        case errors.VersionMismatch(actual=None):
            return Problem(kind, "there is no such basket yet", members={"version": None})
        case errors.VersionMismatch(actual=int(version)) | errors.BasketExists(version=version):
            headers = {"ETag": entity_tag(version)}
            return Problem(kind, str(error), members={"version": version}, headers=headers)
        case VersionConflict(basket=basket):
            members = {"version": basket.version, "order": serialize_order(basket)}
            headers = {"ETag": entity_tag(basket.version)}
            return Problem(kind, str(error), members=members, headers=headers)
        case errors.RequestInProgress() | errors.AnsweredElsewhere():
            return Problem(kind, str(error), headers=RETRY_AFTER_ONE_SECOND)
        case errors.Unavailable(retry_after_seconds=seconds):
            # the error's own words may name hosts and ports of ours
            return Problem(kind, "Trying again soon is safe.", headers={"Retry-After": str(seconds)})
        case request_errors.NotAuthenticated(error=reason):
            return Problem(kind, str(error), headers={"WWW-Authenticate": _challenge(reason)})
        case request_errors.NotAllowed(scope=scope):
            challenge = f'{_challenge("insufficient_scope")}, scope="{scope}"'
            return Problem(kind, str(error), headers={"WWW-Authenticate": challenge})
        case request_errors.RequestError(headers=headers):
            return Problem(kind, str(error), headers=headers)
        case _:
            return Problem(kind, str(error))


def _counted(count: int) -> str:
    if count == 1:
        return "1 thing is wrong"
    told = f"; the first {MAX_ERRORS} are told" if count > MAX_ERRORS else ""
    return f"{count} things are wrong{told}"


def _challenge(error: str | None) -> str:
    """RFC 6750. A request without a token gets no error."""
    realm = 'Bearer realm="partner-checkout"'
    return realm if error is None else f'{realm}, error="{error}"'
