"""What callers are answered with, over HTTP and Kafka alike; bodies are UTF-8 JSON."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.commands import ActionResult, Initiated, Preconditions, Updated, Validated
from domain.basket.document import Document, order_document, verdict_document
from domain.errors import BasketExists
from domain.ports import Answer

_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


def answer(basket: Basket, body: bytes, more: Mapping[str, str] | None = None) -> Answer:
    """A success that leaves the basket at this version."""
    return Answer(200, {**_HEADERS, "ETag": entity_tag(basket.version), **(more or {})}, body)


def answer_initiated(initiated: Initiated, more: Mapping[str, str] | None = None) -> Answer:
    return answer(initiated.basket, initiate_answer(initiated), more)


def answer_updated(updated: Updated) -> Answer:
    return answer(updated.basket, update_answer(updated))


def answer_validated(validated: Validated) -> Answer:
    return answer(validated.basket, validate_answer(validated))


def initiate_answer(initiated: Initiated) -> bytes:
    return to_json({"id": initiated.basket.id})


def update_answer(updated: Updated) -> bytes:
    return to_json(
        {
            "id": updated.basket.id,
            "order": order_document(updated.basket),
            "actionResults": [_action_result(result) for result in updated.results],
        }
    )


def validate_answer(validated: Validated) -> bytes:
    return to_json(verdict_document(validated))


def order_answer(basket: Basket) -> bytes:
    return to_json({"id": basket.id, "order": order_document(basket)})


def answer_order(basket: Basket, preconditions: Preconditions) -> Answer:
    """The order as it is, or that the caller has it already. Raises VersionMismatch."""
    # Time alone makes a basket expired, at first without a new version: that is told to those who have it open.
    expired_since = basket.status == "expired" and basket.modified_on < basket.expires_at
    try:
        preconditions.check(basket.id, basket.version)
    except BasketExists:
        if expired_since:
            return answer(basket, order_answer(basket))
        return Answer(304, {"cache-control": "no-store", "ETag": entity_tag(basket.version)}, b"")
    return answer(basket, order_answer(basket))


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
