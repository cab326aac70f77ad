"""How callers are told what went wrong: one table from error to problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from adapters.contract import refusals
from adapters.contract.answers import entity_tag
from adapters.contract.strict_json import pointer
from domain import errors
from domain.basket.document import order_document
from domain.errors import Violation
from domain.ports import Answer

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. The code is stable; the type is made of it."""

    status: int
    code: str
    title: str

    @property
    def type(self) -> str:
        return f"urn:checkout:problem:{self.code.replace('_', '-')}"


INTERNAL_ERROR = Kind(500, "internal_error", "Something went wrong on our side")

KINDS: dict[type[Exception], Kind] = {
    refusals.MalformedBody: Kind(400, "malformed_json", "The body is no JSON"),
    refusals.RepeatedName: Kind(400, "repeated_member", "A member stands twice in one object"),
    refusals.InvalidHeader: Kind(400, "invalid_header", "A header cannot be read"),
    refusals.InvalidLandingState: Kind(400, "invalid_landing_state", "The landing state cannot be used"),
    refusals.NotAuthenticated: Kind(401, "not_authenticated", "A valid token is needed"),
    refusals.NotAllowed: Kind(403, "not_allowed", "The token does not allow this"),
    refusals.RouteNotFound: Kind(404, "not_found", "There is nothing here"),
    refusals.MethodNotAllowed: Kind(405, "method_not_allowed", "The path does not take this method"),
    refusals.BodyTooLarge: Kind(413, "body_too_large", "The body is too large"),
    refusals.UnsupportedMediaType: Kind(415, "unsupported_media_type", "The body must be JSON"),
    refusals.UnsupportedContentEncoding: Kind(
        415, "unsupported_content_encoding", "The body must not be compressed"
    ),
    refusals.InvalidBasketId: Kind(422, "invalid_basket_id", "This cannot be a basket's id"),
    refusals.KeysUnavailable: Kind(503, "keys_unavailable", "Tokens cannot be checked at present"),
    errors.BasketNotFound: Kind(404, "basket_not_found", "There is no such basket"),
    errors.BasketFinished: Kind(409, "basket_finished", "The basket takes no more changes"),
    errors.ExternalIdInUse: Kind(409, "external_id_in_use", "Another open basket has this external id"),
    errors.VersionConflict: Kind(409, "conflict", "Other writers changed the basket at the same time"),
    errors.VersionMismatch: Kind(412, "version_mismatch", "The basket is at another version"),
    errors.BasketExists: Kind(412, "basket_exists", "The basket is there already"),
    errors.InvalidCommand: Kind(422, "invalid_request", "The request cannot be carried out as it stands"),
    errors.KeyReused: Kind(422, "idempotency_key_reused", "The idempotency key stands for another request"),
    errors.RequestInProgress: Kind(409, "request_in_progress", "The first request still runs"),
    errors.AnsweredElsewhere: Kind(409, "request_in_progress", "The first request still runs"),
    errors.StoreUnavailable: Kind(503, "store_unavailable", "Baskets cannot be reached at present"),
    errors.Unavailable: Kind(503, "unavailable", "A part of the service is away at present"),
}
"""A subclass that is not listed is told as its nearest listed ancestor."""

RETRY_SOON = {"Retry-After": "1"}

MOST_ERRORS = 100
"""So many are told of one body; the detail says how many there are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as it happened once: what it is, words, the places in the body, and more members."""

    kind: Kind
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
            "code": self.kind.code,
            **self.members,
        }
        if self.errors:
            document["errors"] = [
                {"pointer": pointer(violation.location), "code": violation.code, "message": violation.message}
                for violation in self.errors
            ]
        return to_json(document)

    def answer(self) -> Answer:
        return Answer(self.kind.status, {"content-type": MEDIA_TYPE, **self.headers}, self.render())


def problem_of(error: Exception) -> Problem:
    """The problem that stands for an error. One that is not in the table is told as an internal error,
    without any of its words."""
    kind = next((KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS), None)
    if kind is None:
        return Problem(INTERNAL_ERROR, "The failure was written to our log; trying again may help.")
    match error:
        case errors.InvalidCommand(violations=violations, not_told=not_told):
            return Problem(kind, _counted(len(violations) + not_told), violations[:MOST_ERRORS])
        case errors.BasketFinished(status=status):
            return Problem(kind, str(error), members={"basketStatus": status})
        case errors.VersionMismatch(actual=None):
            return Problem(kind, "there is no such basket yet", members={"version": None})
        case errors.VersionMismatch(actual=int(version)) | errors.BasketExists(version=version):
            headers = {"ETag": entity_tag(version)}
            return Problem(kind, str(error), members={"version": version}, headers=headers)
        case errors.VersionConflict(basket=basket):
            members = {"version": basket.version, "order": order_document(basket)}
            headers = {"ETag": entity_tag(basket.version)}
            return Problem(kind, str(error), members=members, headers=headers)
        case errors.RequestInProgress() | errors.AnsweredElsewhere():
            return Problem(kind, str(error), headers=RETRY_SOON)
        case errors.Unavailable(retry_after_seconds=seconds):
            # the error's own words may name hosts and ports of ours
            return Problem(kind, "Trying again soon is safe.", headers={"Retry-After": str(seconds)})
        case refusals.NotAuthenticated(error=reason):
            return Problem(kind, str(error), headers={"WWW-Authenticate": _challenge(reason)})
        case refusals.NotAllowed(scope=scope):
            challenge = f'{_challenge("insufficient_scope")}, scope="{scope}"'
            return Problem(kind, str(error), headers={"WWW-Authenticate": challenge})
        case refusals.RequestRefused(headers=headers):
            return Problem(kind, str(error), headers=headers)
        case _:
            return Problem(kind, str(error))


def _counted(count: int) -> str:
    if count == 1:
        return "1 thing is wrong"
    told = f"; the first {MOST_ERRORS} are told" if count > MOST_ERRORS else ""
    return f"{count} things are wrong{told}"


def _challenge(error: str | None) -> str:
    """RFC 6750; a request that bore no token is told no error."""
    realm = 'Bearer realm="partner-checkout"'
    return realm if error is None else f'{realm}, error="{error}"'
