"""From a body's bytes to the command that it means, or to everything that is wrong with it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails, from_json

from adapters.wire.problems import MAX_ERRORS
from adapters.wire.request_errors import (
    InvalidRequest,
    MalformedBody,
    RepeatedMemberName,
    UnsupportedContentEncoding,
)
from adapters.wire.requests import InitiateRequest, RequestLimits, UpdateRequest
from adapters.wire.strict_json import InvalidJson, RepeatedMember, read_json
from domain.basket.commands import NO_PRECONDITIONS, InitiateBasket, Preconditions, UpdateBasket
from domain.shared.errors import Violation

M = TypeVar("M", bound=BaseModel)


def parse_initiate(
    body: bytes,
    limits: RequestLimits,
    *,
    landing_basket_id: str | None = None,
    preconditions: Preconditions = NO_PRECONDITIONS,
) -> InitiateBasket:
    """Raises MalformedBody where the body is no JSON, and InvalidRequest with all that is wrong."""
    request = _parse(InitiateRequest, body, limits)
    return request.to_command(landing_basket_id=landing_basket_id, preconditions=preconditions)


def parse_update(
    body: bytes,
    limits: RequestLimits,
    *,
    basket_id: str,
    preconditions: Preconditions = NO_PRECONDITIONS,
) -> UpdateBasket:
    """Raises MalformedBody where the body is no JSON, and InvalidRequest with all that is wrong."""
    request = _parse(UpdateRequest, body, limits)
    return request.to_command(basket_id=basket_id, preconditions=preconditions)


def require_identity_encoding(content_encoding: str | None) -> None:
    """Raises UnsupportedContentEncoding where a body is encoded, such as by gzip."""
    if content_encoding is not None and any(
        coding.strip(" \t").lower() not in ("", "identity") for coding in content_encoding.split(",")
    ):
        raise UnsupportedContentEncoding


def fingerprint(body: bytes, *context: str) -> bytes:
    """The digest of what a body says, however it is spaced and ordered, and of its context.

    The body must have been parsed before, or be empty.
    """
    content = from_json(body) if body else None
    canonical = json.dumps([*context, content], sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def _parse(model: type[M], body: bytes, limits: RequestLimits) -> M:
    try:
        value = read_json(body)
    except RepeatedMember as error:
        raise RepeatedMemberName(error.location) from None
    except InvalidJson as error:
        raise MalformedBody(str(error)) from None
    _refuse_too_many(value, limits)
    try:
        return model.model_validate_json(body, context=limits)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    told = tuple(_violation(detail) for detail in details[:MAX_ERRORS])
    raise InvalidRequest(told, not_told=len(details) - len(told))


def _refuse_too_many(value: JsonValue, limits: RequestLimits) -> None:
    """Raises InvalidRequest before any model is made: to say what is wrong with each of a hundred thousand items
    would hold up all other callers."""
    if not isinstance(value, dict):
        return
    order, actions = value.get("order"), value.get("orderItemActions")
    items = order.get("orderItems") if isinstance(order, dict) else None
    if isinstance(items, list) and len(items) > limits.max_items:
        message = f"a basket holds at most {limits.max_items} items"
        raise InvalidRequest((Violation(("order", "orderItems"), "too_many_items", message),))
    if isinstance(actions, list) and len(actions) > limits.max_actions:
        message = f"a request has at most {limits.max_actions} actions"
        raise InvalidRequest((Violation(("orderItemActions",), "too_many_actions", message),))


_CODES = {
    "missing": "required",
    "union_tag_not_found": "required",
    "union_tag_invalid": "not_one_of",
    "literal_error": "not_one_of",
    "extra_forbidden": "unknown_field",
    "string_pattern_mismatch": "wrong_format",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "value_error": "not_storable",
}
"""Our codes are promises; pydantic's names are its own. What is not listed is of the wrong type, or has
a code of ours already."""

_MESSAGES = {
    "required": "this field is required",
    "unknown_field": "the contract knows no such field",
    "wrong_format": "this is not of the form that the contract gives",
}
_ACTION_TYPES = "add, remove or change_quantity"


def _violation(detail: ErrorDetails) -> Violation:
    kind, location = detail["type"], detail["loc"]
    code = _CODES.get(kind, "wrong_type" if kind.endswith(("_type", "_parsing_size")) else kind)
    message = _MESSAGES.get(code, detail["msg"].removeprefix("Value error, "))
    if location[:1] == ("orderItemActions",) and len(location) > 2:
        # pydantic names the member of the union, which is no part of the body
        location = (*location[:2], *location[3:])
    if kind.startswith("union_tag"):
        location = (*location, "orderItemActionType")
        message = f"this must be {_ACTION_TYPES}" if kind == "union_tag_invalid" else message
    return Violation(location, code, message)
