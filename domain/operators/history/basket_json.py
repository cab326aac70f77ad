"""A basket as operators are shown it: the contract's order, and what the service knows beside it."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python

from domain.basket.basket import Basket
from domain.basket.serialization import serialize_order
from domain.operators.history.as_of import BasketState

Document = dict[str, Any]


def basket_json(basket: Basket) -> Document:
    """The order document as JSON has it, with whose it is, what the last verdict said, and which order was placed
    from it. The paths of differences lead into it."""
    document: Document = to_jsonable_python(
        {
            **serialize_order(basket),
            "partner": basket.partner,
            "ready": basket.ready,
            "orderId": basket.order_id,
        }
    )
    return document


def basket_state_json(standing: BasketState) -> Document:
    """The basket's document with the last verdict on it; null where there was none by then."""
    verdict = standing.verdict
    last = verdict and {
        "version": verdict.version,
        "basketVersion": verdict.judged_version,
        "validatedAt": verdict.at,
        "ready": verdict.verdict.ready,
        "blockedProducts": verdict.verdict.blocked_products,
        "validationErrors": verdict.verdict.validation_errors,
        "evidence": verdict.verdict.evidence,
        "passed": verdict.verdict.passed,
    }
    return {**basket_json(standing.basket), "lastVerdict": to_jsonable_python(last)}
