"""Every call of the partner API as plain data. Nothing here sends anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import quote
from uuid import uuid4

from pydantic_core import to_json

from checkout_client.jwks import PATH as JWKS
from checkout_client.models import WireModel
from checkout_client.models.answers import (
    BasketListAnswer,
    CancelAnswer,
    InitiateAnswer,
    OrderAnswer,
    UpdateAnswer,
    Verdict,
)

M = TypeVar("M", bound=WireModel)

LANDING_COOKIE = "landing_state"
"""What `CHECKOUT_LANDING_COOKIE` of the service is by default."""
_ROOT = "/partner/checkout"

Body = Mapping[str, Any] | WireModel
"""A request's body, as the contract has it."""
EntityTag = str | int
"""A basket's version, or the value of the header as it stands: `"7"` in quotes, a list, `*`."""
BasketStatus = Literal["open", "completed", "expired", "cancelled"]


class TraceOptions(TypedDict, total=False):
    """W3C Trace Context, and the correlation id that the basket's events carry. None is the same as left out, here and
    below."""

    traceparent: str | None
    correlation_id: str | None


class CallOptions(TraceOptions, total=False):
    """`handling`: whether members that the service does not know are refused (`strict`) or ignored and named."""

    if_match: EntityTag | None
    if_none_match: EntityTag | None
    handling: Literal["strict", "lenient"] | None


class ReadOptions(CallOptions, total=False):
    """`include`: the answer says what a validation would find now."""

    include: Literal["findings"] | None


class CommandOptions(CallOptions, total=False):
    """`idempotency_key`: the caller's own key. Without it, each call gets a new one."""

    idempotency_key: str | None


class ChangeOptions(CommandOptions, total=False):
    """`include`: the answer says what a validation would find now."""

    include: Literal["findings"] | None


class ListFilters(TypedDict, total=False):
    """Which baskets are listed; every condition must hold. Times know their offset. `limit` is that of a page."""

    status: BasketStatus | None
    external_id: str | None
    created_after: datetime | None
    modified_after: datetime | None
    abandoned: bool | None
    limit: int | None


@dataclass(frozen=True)
class CheckoutCall(Generic[M]):
    """A request, whole, with the model of its answer. Sent again it is the same, with the same key."""

    method: str
    path: str
    model: type[M]
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    idempotency_key: str | None = None
    needs_token: bool = True


def initiate_call(body: Body, **options: Unpack[ChangeOptions]) -> CheckoutCall[InitiateAnswer]:
    return _command("POST", "/initiate", InitiateAnswer, body, options)


def update_call(
    basket_id: str, body: Body, landing_cookie: str = LANDING_COOKIE, **options: Unpack[ChangeOptions]
) -> CheckoutCall[UpdateAnswer]:
    state = quote(to_json({"basketId": basket_id}), safe="")
    return _command("PUT", "/update", UpdateAnswer, body, options, {"Cookie": f"{landing_cookie}={state}"})


def validate_call(basket_id: str, **options: Unpack[CommandOptions]) -> CheckoutCall[Verdict]:
    return _command("POST", f"/validate/{quote(basket_id, safe='')}", Verdict, None, options)


def cancel_call(basket_id: str, body: Body, **options: Unpack[CommandOptions]) -> CheckoutCall[CancelAnswer]:
    return _command("POST", f"/cancel/{quote(basket_id, safe='')}", CancelAnswer, body, options)


def get_call(basket_id: str, **options: Unpack[ReadOptions]) -> CheckoutCall[OrderAnswer]:
    path = f"{_ROOT}/{quote(basket_id, safe='')}"
    return CheckoutCall("GET", path, OrderAnswer, _headers(options), _query(options))


def list_call(cursor: str | None = None, **filters: Unpack[ListFilters]) -> CheckoutCall[BasketListAnswer]:
    """Raises ValueError for a time without an offset."""
    given = {**filters, "cursor": cursor}
    query = {name: _parameter(value) for name, value in given.items() if value is not None}
    return CheckoutCall("GET", _ROOT, BasketListAnswer, query=query)


def promise_keys_call() -> CheckoutCall[WireModel]:
    return CheckoutCall("GET", JWKS, WireModel, needs_token=False)


def to_wire(body: Body) -> Mapping[str, Any]:
    """The members of a body by the names of the wire."""
    return body.to_wire() if isinstance(body, WireModel) else body


def _command(
    method: str,
    path: str,
    model: type[M],
    body: Body | None,
    options: ChangeOptions | CommandOptions,
    headers: Mapping[str, str] | None = None,
) -> CheckoutCall[M]:
    key = options.get("idempotency_key") or str(uuid4())
    sent = {**_headers(options), **(headers or {}), "Idempotency-Key": key}
    if body is not None:
        sent["Content-Type"] = "application/json"
    content = None if body is None else to_json(to_wire(body))
    return CheckoutCall(method, _ROOT + path, model, sent, _query(options), content, key)


def _headers(options: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        "If-Match": _tag(options.get("if_match")),
        "If-None-Match": _tag(options.get("if_none_match")),
        "Prefer": f"handling={options['handling']}" if options.get("handling") else None,
        "traceparent": options.get("traceparent"),
        "X-Correlation-Id": options.get("correlation_id"),
    }
    return {name: value for name, value in headers.items() if value is not None}


def _query(options: Mapping[str, Any]) -> dict[str, str]:
    return {"include": options["include"]} if options.get("include") else {}


def _tag(tag: EntityTag | None) -> str | None:
    return f'"{tag}"' if isinstance(tag, int) else tag


def _parameter(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"the time {value} has no offset")
            return value.isoformat()
        case _:
            return str(value)
