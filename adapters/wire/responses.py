"""What callers are sent, over HTTP and Kafka alike. Bodies are UTF-8 JSON."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, assert_never

from msgspec import Raw
from pydantic import JsonValue

from adapters.wire.prefer_header import ParsedRequest
from adapters.wire.problems import to_problem
from domain.basket.basket import Basket
from domain.basket.commands import ActionResult, Cancelled, Initiated, Preconditions, Updated, Validated
from domain.basket.lister import ListedBaskets
from domain.basket.serialization import (
    Document,
    entity_tag,
    order_json,
    serialize_assessment,
    serialize_summary,
    state_json,
    to_json,
    verdict_json,
)
from domain.ports.event_store import RenderedResponse
from domain.shared.errors import BasketExists, CommandRejected
from domain.shared.findings import Assessment

Result = Initiated | Updated | Validated | Cancelled

NO_BODY = ParsedRequest(None)

_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


def render(
    outcome: Result | CommandRejected,
    headers: Mapping[str, str] = MappingProxyType({}),
    parsed: ParsedRequest[Any] = NO_BODY,
) -> RenderedResponse:
    """The response to a command. A success has `headers`, and says what of the body of `parsed` was ignored."""
    if isinstance(outcome, CommandRejected):
        return to_problem(outcome).response()
    return _basket_response(outcome.basket, render_body(outcome, parsed.members), {**headers, **parsed.headers})


def render_body(result: Result, members: Mapping[str, JsonValue] = MappingProxyType({})) -> bytes:
    """`members` are added to the answer to a body."""
    match result:
        case Initiated():
            return to_json({"id": result.basket.id, **_findings(result.basket, result.assessment), **members})
        case Updated():
            return to_json(
                {
                    "id": result.basket.id,
                    "order": Raw(order_json(result.basket)),
                    "actionResults": [_action_result(each) for each in result.results],
                    **_findings(result.basket, result.assessment),
                    **members,
                }
            )
        case Validated():
            return verdict_json(result)
        case Cancelled():
            return order_body(result.basket, members=members)
        case _:
            assert_never(result)


def render_order(
    basket: Basket,
    assessment: Assessment | None = None,
    *,
    preconditions: Preconditions,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> RenderedResponse:
    """The order, or 304 if the caller has it already, with `headers`. With an assessment there is no 304: findings
    change without a new version. Raises VersionMismatch."""
    # A basket expires without a new version at first. Callers who have it as open must see that.
    expired_since = basket.status == "expired" and basket.modified_on < basket.expires_at
    try:
        preconditions.check(basket.id, basket.version)
    except BasketExists:
        if not expired_since and assessment is None:
            unchanged = {"cache-control": "no-store", "ETag": entity_tag(basket.version), **headers}
            return RenderedResponse(304, unchanged, b"")
    return _basket_response(basket, order_body(basket, assessment), headers)


def render_list(listed: ListedBaskets) -> RenderedResponse:
    return RenderedResponse(200, _HEADERS, list_body(listed))


def list_body(listed: ListedBaskets) -> bytes:
    return to_json({"baskets": [serialize_summary(basket) for basket in listed.baskets], "next": listed.next_cursor})


def order_body(
    basket: Basket,
    assessment: Assessment | None = None,
    *,
    members: Mapping[str, JsonValue] = MappingProxyType({}),
) -> bytes:
    if assessment is None and not members:
        return state_json(basket)
    order = {"id": basket.id, "order": Raw(order_json(basket))}
    return to_json({**order, **_findings(basket, assessment), **members})


def _findings(basket: Basket, assessment: Assessment | None) -> Document:
    return {} if assessment is None else {"findings": serialize_assessment(assessment, basket.version)}


def _basket_response(basket: Basket, body: bytes, headers: Mapping[str, str] | None = None) -> RenderedResponse:
    return RenderedResponse(200, {**_HEADERS, "ETag": entity_tag(basket.version), **(headers or {})}, body)


def _action_result(result: ActionResult) -> Document:
    return {
        "index": result.index,
        "orderItemActionType": result.kind,
        "status": result.status,
        "orderItemId": result.order_item_id and result.order_item_id.lower(),
        "before": result.before,
        "after": result.after,
        "removedOrderItemIds": [id.lower() for id in result.removed],
    }
