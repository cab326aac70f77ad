"""What callers are answered with, over HTTP and Kafka alike; bodies are UTF-8 JSON."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.commands import ActionResult, Initiated, Preconditions, Updated, Validated
from domain.basket.serialization import Document, serialize_order, serialize_verdict
from domain.ports.event_store import RenderedResponse
from domain.shared.errors import BasketExists

_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


def basket_response(basket: Basket, body: bytes, more: Mapping[str, str] | None = None) -> RenderedResponse:
    """A success that leaves the basket at this version."""
    return RenderedResponse(200, {**_HEADERS, "ETag": entity_tag(basket.version), **(more or {})}, body)


def initiate_response(initiated: Initiated, more: Mapping[str, str] | None = None) -> RenderedResponse:
    return basket_response(initiated.basket, initiate_body(initiated), more)


def update_response(updated: Updated) -> RenderedResponse:
    return basket_response(updated.basket, update_body(updated))


def validate_response(validated: Validated) -> RenderedResponse:
    return basket_response(validated.basket, validate_body(validated))


def initiate_body(initiated: Initiated) -> bytes:
    return to_json({"id": initiated.basket.id})


def update_body(updated: Updated) -> bytes:
    return to_json(
        {
            "id": updated.basket.id,
            "order": serialize_order(updated.basket),
            "actionResults": [_action_result(result) for result in updated.results],
        }
    )


def validate_body(validated: Validated) -> bytes:
    return to_json(serialize_verdict(validated))


def order_body(basket: Basket) -> bytes:
    return to_json({"id": basket.id, "order": serialize_order(basket)})


def order_response(basket: Basket, preconditions: Preconditions) -> RenderedResponse:
    """The order as it is, or that the caller has it already. Raises VersionMismatch."""
    # Time alone makes a basket expired, at first without a new version: that is told to those who have it open.
    expired_since = basket.status == "expired" and basket.modified_on < basket.expires_at
    try:
        preconditions.check(basket.id, basket.version)
    except BasketExists:
        if expired_since:
            return basket_response(basket, order_body(basket))
        return RenderedResponse(304, {"cache-control": "no-store", "ETag": entity_tag(basket.version)}, b"")
    return basket_response(basket, order_body(basket))


def entity_tag(version: int) -> str:
    """A basket's version as `ETag` and `If-Match` carry it."""
    return f'"{version}"'


def _action_result(result: ActionResult) -> Document:
    return {
        "index": result.index,
        "orderItemActionType": result.kind,
        "status": result.status,
        "orderItemId": result.order_item_id.lower(),
        "before": result.before,
        "after": result.after,
        "removedOrderItemIds": [id.lower() for id in result.removed],
    }
