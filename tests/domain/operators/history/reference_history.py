"""A second fold of a basket's history, on plain JSON and without any code of the service. Tests compare against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Json = dict[str, Any]


CHANGES = frozenset(
    f"checkout.{name}.v1"
    for name in (
        "basket-details-changed",
        "order-item-added",
        "order-item-removed",
        "order-item-quantity-changed",
        "order-item-price-expected",
        "order-item-swapped",
        "order-item-repriced",
    )
)
"""Events that move the expiry of a basket that expires by activity."""


def reference_at(documents: Sequence[Json], version: int) -> Json:  # noqa: PLR0912  a case for each event
    """The JSON of `checkout show --at-version`, from the stored events."""
    basket: Json = {"ready": None, "orderId": None, "cancelReason": None, "lastVerdict": None}
    lines: dict[str, Json] = {}
    idle_seconds: int | None = None
    for event in documents[:version]:
        match event["type"]:
            case "checkout.basket-initiated.v1":
                basket |= {
                    "id": event["basketId"],
                    "partner": event["partner"],
                    "status": "open",
                    "created": event["occurredAt"],
                    "expiresAt": event["expiresAt"],
                    **event["details"],
                }
                idle_seconds = event.get("idleSeconds")
            case "checkout.basket-details-changed.v1":
                basket |= event["details"]
            case "checkout.order-item-added.v1":
                lines[event["orderItem"]["id"]] = dict(event["orderItem"])
            case "checkout.order-item-removed.v1":
                del lines[event["orderItemId"]]
            case "checkout.order-item-quantity-changed.v1":
                assert lines[event["orderItemId"]]["quantity"] == event["before"]
                lines[event["orderItemId"]]["quantity"] = event["after"]
            case "checkout.order-item-price-expected.v1":
                lines[event["orderItemId"]]["expectedPrice"] = event["after"]
            case "checkout.order-item-swapped.v1":
                assert lines[event["after"]["id"]] == event["before"]
                lines[event["after"]["id"]] = dict(event["after"])
            case "checkout.order-item-repriced.v1":
                assert lines[event["orderItemId"]]["price"] == event["before"]
                lines[event["orderItemId"]]["price"] = event["after"]
            case "checkout.basket-validated.v1":
                said = ("ready", "blockedProducts", "validationErrors", "evidence", "passed", "basketVersion")
                basket["lastVerdict"] = {
                    "version": event["version"],
                    "validatedAt": event["occurredAt"],
                    **{name: event[name] for name in said},
                    "promise": event.get("promise"),
                    "remedy": event.get("remedy") and {"ifMatch": f'"{event["version"]}"', **event["remedy"]},
                }
                basket["ready"] = event["ready"]
            case "checkout.basket-personal-data-forgotten.v1":
                basket |= {"tracking": {}, "customFields": {}, "dataSubject": None}
                basket |= {"customerDetails": {}, "billingDetails": {}, "deliveryDetails": {}}
            case "checkout.basket-expired.v1":
                basket["status"] = "expired"
            case "checkout.basket-completed.v1":
                basket |= {"status": "completed", "orderId": event["orderId"]}
            case "checkout.basket-reopened.v1":
                basket |= {"status": "open", "orderId": None}
                basket["expiresAt"] = _later(basket["expiresAt"], event["expiresAt"])
            case "checkout.basket-cancelled.v1":
                basket |= {"status": "cancelled", "cancelReason": event["code"]}
        if idle_seconds is not None and event["type"] in CHANGES:
            moved = datetime.fromisoformat(event["occurredAt"]) + timedelta(seconds=idle_seconds)
            basket["expiresAt"] = _later(basket["expiresAt"], moved.isoformat().replace("+00:00", "Z"))
        basket |= {"version": event["version"], "modified": event["occurredAt"]}
    basket["market"] = basket["market"] or {
        "country": basket["country"],
        "source": "country" if basket["country"] else None,
    }
    for line in lines.values():
        expected = line["expectedPrice"]
        line["expectedPrice"] = expected and _as_named(expected)
        line["lineTotal"] = _times(line["price"], line["quantity"])
    total = _total([*lines.values()])
    return {
        **basket,
        "orderItems": [*lines.values()],
        "totals": _totals([*lines.values()]),
        "total": total,
        "payable": total
        and {**total, "amount": str(Decimal(total["amount"]).quantize(Decimal("0.01"), ROUND_HALF_UP))},
    }


def _as_named(expected: Json) -> Json:
    named = {"amount": expected["amount"], "currency": expected["currency"]}
    return named if expected.get("anyInterval", False) else {**named, "interval": expected.get("interval")}


def _later(one: str, other: str) -> str:
    return max(one, other, key=datetime.fromisoformat)


def _times(price: Json | None, quantity: int) -> Json | None:
    if price is None:
        return None
    return {"amount": str(Decimal(price["amount"]) * quantity), "currency": price["currency"]}


def _totals(lines: Sequence[Json]) -> list[Json]:
    amounts: dict[tuple[str | None, str], Decimal] = {}
    for line in lines:
        if line["price"] is not None:
            rate = (line["price"]["interval"], line["price"]["currency"])
            amounts[rate] = amounts.get(rate, Decimal(0)) + Decimal(line["lineTotal"]["amount"])
    ordered = sorted(amounts, key=lambda rate: (_LENGTHS[rate[0]], rate[1]))
    return [{"interval": rate[0], "amount": str(amounts[rate]), "currency": rate[1]} for rate in ordered]


def _total(lines: Sequence[Json]) -> Json | None:
    totals = _totals(lines)
    if len(totals) != 1 or None in [line["price"] for line in lines]:
        return None
    return {"amount": totals[0]["amount"], "currency": totals[0]["currency"]}


_LENGTHS = {None: 0, "P1M": 1, "P1Y": 2}
"""The intervals of the random baskets, in the order of their length."""
