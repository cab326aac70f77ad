"""Folds a basket's events to what GET answers, as an order service would that knows nothing but the documents."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Json = dict[str, Any]

PERSONAL: Json = {
    "tracking": {},
    "customFields": {},
    "dataSubject": None,
    "customerDetails": {},
    "billingDetails": {},
    "deliveryDetails": {},
}
MINOR_UNITS = {"GBP": 2, "EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
DAYS = {"D": 1.0, "W": 7.0, "M": 30.436875, "Y": 365.2425}


class OrderFold:
    """One basket, event by event."""

    def __init__(self) -> None:
        self.version = 0
        self._order: Json = {}
        self._lines: dict[str, Json] = {}
        self._idle_seconds: int | None = None

    def apply(self, event: Json) -> None:
        """Raises KeyError if the event cannot follow."""
        name = event["type"].removeprefix("checkout.").removesuffix(".v1")
        match name:
            case "basket-initiated":
                self._order = {"id": event["basketId"], "created": event["occurredAt"], "status": "open"}
                self._order |= {"expiresAt": event["expiresAt"], **event["details"]}
                self._idle_seconds = event.get("idleSeconds")
            case "basket-details-changed":
                self._order |= event["details"]
            case "order-item-added":
                self._lines[event["orderItem"]["id"]] = event["orderItem"]
            case "order-item-removed":
                del self._lines[event["orderItemId"]]
            case "order-item-quantity-changed":
                self._change(event["orderItemId"], quantity=event["after"])
            case "order-item-price-expected":
                self._change(event["orderItemId"], expectedPrice=event["after"])
            case "order-item-repriced":
                self._change(event["orderItemId"], price=event["after"])
            case "order-item-swapped":
                self._lines[event["after"]["id"]] = event["after"]
            case "basket-expired" | "basket-completed" | "basket-cancelled":
                self._order["status"] = name.removeprefix("basket-")
            case "basket-reopened":
                self._order["status"] = "open"
                self._expire_at(event["expiresAt"])
            case "basket-personal-data-forgotten":
                self._order |= PERSONAL
        if self._idle_seconds is not None and name.startswith(("order-item-", "basket-details-")):
            self._expire_at(_text(datetime.fromisoformat(event["occurredAt"]) + timedelta(seconds=self._idle_seconds)))
        self.version = event["version"]
        self._order |= {"version": self.version, "modified": event["occurredAt"]}

    def body(self) -> Json:
        """The body of GET."""
        order = {name: value for name, value in self._order.items() if name != "market"}
        named = {"country": order["country"], "source": "country" if order["country"] else None}
        lines = [_line(each) for each in self._lines.values()]
        totals = _totals(lines)
        whole = len(totals) == 1 and all(line["price"] for line in lines)
        total = _money(Decimal(totals[0]["amount"]), totals[0]["currency"]) if whole else None
        order |= {
            "market": self._order["market"] or named,
            "orderItems": lines,
            "totals": totals,
            "total": total,
            "payable": _payable(total),
        }
        return {"id": order["id"], "order": order}

    def _change(self, line_id: str, **changes: object) -> None:
        self._lines[line_id] = {**self._lines[line_id], **changes}

    def _expire_at(self, moment: str) -> None:
        self._order["expiresAt"] = max(self._order["expiresAt"], moment, key=datetime.fromisoformat)


def _line(item: Json) -> Json:
    price, expected = item["price"], item["expectedPrice"]
    if expected is not None:
        any_interval = expected.get("anyInterval", False)
        expected = {name: value for name, value in expected.items() if name != "anyInterval"}
        if any_interval:
            del expected["interval"]
    amount = None if price is None else Decimal(price["amount"]) * item["quantity"]
    return {
        **item,
        "id": item["id"].lower(),
        "parentId": item["parentId"] and item["parentId"].lower(),
        "expectedPrice": expected,
        "lineTotal": None if amount is None else _money(amount, price["currency"]),
    }


def _totals(lines: list[Json]) -> list[Json]:
    sums: dict[tuple[str | None, str], Decimal] = {}
    for line in lines:
        if (price := line["price"]) is not None:
            rate = (price["interval"], price["currency"])
            sums[rate] = sums.get(rate, Decimal(0)) + Decimal(line["lineTotal"]["amount"])
    ordered = sorted(sums.items(), key=lambda each: (_length(each[0][0]), each[0][0] or "", each[0][1]))
    return [{**_money(amount, currency), "interval": interval} for (interval, currency), amount in ordered]


def _length(interval: str | None) -> float:
    """Days of an ISO 8601 duration of calendar units."""
    days, digits = 0.0, ""
    for each in (interval or "P")[1:]:
        if each.isdigit():
            digits += each
        else:
            days, digits = days + int(digits) * DAYS[each], ""
    return days


def _payable(total: Json | None) -> Json | None:
    if total is None:
        return None
    smallest = Decimal(1).scaleb(-MINOR_UNITS[total["currency"]])
    return _money(Decimal(total["amount"]).quantize(smallest, ROUND_HALF_UP), total["currency"])


def _money(amount: Decimal, currency: str) -> Json:
    return {"amount": str(amount), "currency": currency}


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
