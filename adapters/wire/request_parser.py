"""From a body's bytes to its command, or to everything that is wrong with it. The bytes are parsed once."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TypeVar, get_args

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from adapters.wire.action_requests import UpdateRequest
from adapters.wire.detail_maps import MEMBER
from adapters.wire.known_members import IgnoredMembers, keep_known
from adapters.wire.prefer_header import LENIENT, Handling, ParsedRequest
from adapters.wire.problems import MAX_ERRORS
from adapters.wire.request_errors import InvalidRequest, MalformedBody, RepeatedMemberName, UnsupportedContentEncoding
from adapters.wire.requests import CancelRequest, InitiateRequest, RequestLimits
from adapters.wire.strict_json import InvalidJson, RepeatedMember, read_json
from domain.basket.commands import (
    NO_PRECONDITIONS,
    ActionKind,
    CancelBasket,
    InitiateBasket,
    Preconditions,
    UpdateBasket,
)
from domain.shared.errors import Violation

M = TypeVar("M", bound=BaseModel)


def parse_body(body: bytes) -> JsonValue:
    """The body's content. Raises MalformedBody and RepeatedMemberName."""
    try:
        return read_json(body)
    except RepeatedMember as error:
        raise RepeatedMemberName(error.location) from None
    except InvalidJson as error:
        raise MalformedBody(str(error)) from None


def parse_initiate(
    content: JsonValue,
    limits: RequestLimits,
    *,
    handling: Handling = LENIENT,
    landing_basket_id: str | None = None,
    preconditions: Preconditions = NO_PRECONDITIONS,
    include_findings: bool = False,
) -> ParsedRequest[InitiateBasket]:
    """Raises InvalidRequest with everything that is wrong."""
    request, ignored = parse_request(InitiateRequest, content, limits, handling)
    command = request.to_command(
        landing_basket_id=landing_basket_id, preconditions=preconditions, include_findings=include_findings
    )
    return ParsedRequest(command, handling, ignored)


def parse_update(
    content: JsonValue,
    limits: RequestLimits,
    *,
    basket_id: str,
    handling: Handling = LENIENT,
    preconditions: Preconditions = NO_PRECONDITIONS,
    include_findings: bool = False,
) -> ParsedRequest[UpdateBasket]:
    """Raises InvalidRequest with everything that is wrong."""
    request, ignored = parse_request(UpdateRequest, content, limits, handling)
    command = request.to_command(basket_id=basket_id, preconditions=preconditions, include_findings=include_findings)
    return ParsedRequest(command, handling, ignored)


def parse_request(
    model: type[M], content: JsonValue, limits: RequestLimits, handling: Handling
) -> tuple[M, IgnoredMembers]:
    """The request, and the members that lenient handling ignored. Raises InvalidRequest with everything that is
    wrong; strict handling refuses unknown members too."""
    _refuse_too_many(content, limits)
    known, ignored = (content, IgnoredMembers()) if handling.is_strict else keep_known(model, content)
    try:
        return model.model_validate(known, context=limits), ignored
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    violations = tuple(_violation(detail) for detail in details[:MAX_ERRORS])
    raise InvalidRequest(violations, len(details) - len(violations), handling.headers(ignored))


def parse_cancel(
    content: JsonValue,
    limits: RequestLimits,
    *,
    basket_id: str,
    handling: Handling = LENIENT,
    preconditions: Preconditions = NO_PRECONDITIONS,
) -> ParsedRequest[CancelBasket]:
    """Raises InvalidRequest with everything that is wrong."""
    request, ignored = parse_request(CancelRequest, content, limits, handling)
    return ParsedRequest(request.to_command(basket_id=basket_id, preconditions=preconditions), handling, ignored)


def require_identity_encoding(content_encoding: str | None) -> None:
    """Raises UnsupportedContentEncoding if a body is encoded, such as by gzip."""
    if content_encoding is not None and any(
        coding.strip(" \t").lower() not in ("", "identity") for coding in content_encoding.split(",")
    ):
        raise UnsupportedContentEncoding


def fingerprint(content: JsonValue, *context: str) -> bytes:
    """The digest of a body's content and its context. Spaces and the order of members do not matter."""
    canonical = json.dumps([*context, content], sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def _refuse_too_many(content: JsonValue, limits: RequestLimits) -> None:
    """Raises InvalidRequest before any model is made. The violations of a hundred thousand items would hold up all
    other callers."""
    if not isinstance(content, dict):
        return
    order, actions = content.get("order"), content.get("orderItemActions")
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
"""From pydantic's error types to our codes, which are promises. Any other type is `wrong_type`, or is a code of ours
already."""

_MESSAGES = {
    "required": "this field is required",
    "unknown_field": "the contract knows no such field",
    "wrong_format": "this is not of the form that the contract gives",
}
_JSON_TYPE_MESSAGES = {
    # pydantic speaks of Python's types
    "model_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "list_type": "Input should be a valid array",
}
*_FIRST_TYPES, _LAST_TYPE = get_args(ActionKind)
_ACTION_TYPES = f"{', '.join(_FIRST_TYPES)} or {_LAST_TYPE}"


def _violation(detail: ErrorDetails) -> Violation:
    kind, location = detail["type"], detail["loc"]
    code = _CODES.get(kind, "wrong_type" if kind.endswith(("_type", "_parsing_size")) else kind)
    message = _MESSAGES.get(code) or _JSON_TYPE_MESSAGES.get(kind)
    if message is None:
        message = detail["msg"].removeprefix("Value error, ")
    if location[:1] == ("orderItemActions",) and len(location) > 2:
        # pydantic names the member of the union, which is no part of the body
        location = (*location[:2], *location[3:])
    member = detail.get("ctx", {}).get(MEMBER)
    if member is not None:
        location = (*location, member)
    if kind.startswith("union_tag"):
        location = (*location, "orderItemActionType")
        message = f"this must be {_ACTION_TYPES}" if kind == "union_tag_invalid" else message
    return Violation(location, code, message)
