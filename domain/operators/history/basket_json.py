"""A basket as JSON for operators: the partner API's order, and what only this service knows."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python

from domain.basket.basket import Basket
from domain.basket.serialization import serialize_order, serialize_remedy
from domain.operators.history.as_of import BasketState

Document = dict[str, Any]


def basket_json(basket: Basket) -> Document:
    """The order with its organisation, the last verdict's `ready`, the placed order's id, and the
    code of why it was cancelled."""
    document: Document = to_jsonable_python(
        {
            **serialize_order(basket),
            "partner": basket.partner,
            "ready": basket.ready,
            "orderId": basket.order_id,
            "cancelReason": basket.cancel_reason,
        }
    )
    return document


def basket_state_json(state: BasketState) -> Document:
    """The same with the last verdict, null where there was none by then."""
    verdict = state.verdict
    last = verdict and {
        "version": verdict.version,
        "basketVersion": verdict.validated_version,
        "validatedAt": verdict.at,
        "ready": verdict.verdict.ready,
        "blockedProducts": verdict.verdict.blocked_products,
        "validationErrors": verdict.verdict.validation_errors,
        "evidence": verdict.verdict.evidence,
        "passed": verdict.verdict.passed,
        "remedy": serialize_remedy(verdict.remedy, verdict.version),
        "promise": verdict.promise,
    }
    return {**basket_json(state.basket), "lastVerdict": to_jsonable_python(last)}
