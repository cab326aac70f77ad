"""A basket beside another version of it: each value with the one before, each line that was added or removed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from domain.operators.history.basket_json import Document
from domain.shared.formatting import format_date_time, format_money, format_order_total, is_money
from domain.shared.json_diff import diff_members

DiffMark = Literal["", "added", "removed", "changed"]

_FACTS = {
    "partner": "Organisation",
    "status": "Status",
    "ready": "Verdict",
    "cancelReason": "Cancelled for",
    "orderId": "Order",
    "external_id": "External id",
    "country": "Country",
    "market": "Sold in",
    "currency": "Currency",
    "source": "Source",
    "order_type": "Order type",
    "total": "Total",
    "payable": "Payable",
    "expiresAt": "Expires",
}
_MAPS = {
    "tracking": "Tracking",
    "customFields": "Custom fields",
    "customerDetails": "Customer",
    "billingDetails": "Billing",
    "deliveryDetails": "Delivery",
}
_VERDICTS = {True: "ready", False: "not ready", None: "not judged"}


@dataclass(frozen=True, slots=True)
class MarkedValue:
    """A value as text and, where it differs, the one before. None: there is, or was, none."""

    value: str | None
    before: str | None = None
    mark: DiffMark = ""


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line of either version; a removed line as it was."""

    id: str
    mark: DiffMark
    add_on: bool
    offer: MarkedValue
    """The offer's id and version; swapped where they differ."""
    name: str | None
    products: Mapping[str, int]
    """How many of each product one offer needs, by the product's code."""
    quantity: MarkedValue
    price: MarkedValue
    expected_price: MarkedValue
    total: MarkedValue


@dataclass(frozen=True, slots=True)
class MarkedBasket:
    facts: tuple[tuple[str, MarkedValue], ...]
    lines: tuple[MarkedLine, ...]

    @property
    def differs(self) -> int:
        """How many places are marked; a line counts once."""
        return sum(bool(fact.mark) for _, fact in self.facts) + sum(bool(line.mark) for line in self.lines)


def mark_differences(before: Document | None, after: Document) -> MarkedBasket:
    """The basket `after`, marked where it differs from `before`. None: nothing is marked."""
    was = before if before is not None else after
    return MarkedBasket(tuple(_facts(was, after)), tuple(_lines(was, after)))


def _facts(before: Document, after: Document) -> Iterator[tuple[str, MarkedValue]]:
    marked = _mark_members(_readable(before), _readable(after))
    for name, title in _FACTS.items():
        yield title, marked[name]
    for name, title in _MAPS.items():
        for key, value in _mark_members(before[name], after[name]).items():
            yield f"{title}: {key}", value


def _lines(before: Document, after: Document) -> Iterator[MarkedLine]:
    """In the order of `before`, then the added lines."""
    lines_before = {line["id"]: line for line in before["orderItems"]}
    lines_after = {line["id"]: line for line in after["orderItems"]}
    for id, kind, was, is_now in diff_members(lines_before, lines_after):
        line = is_now or was
        values = _mark_members(was or line, line)
        quantity, price, expected_price, total = (
            values[name] for name in ("quantity", "price", "expectedPrice", "lineTotal")
        )
        yield MarkedLine(
            id=id,
            mark=kind or "",
            add_on=line["type"] == "add_on",
            offer=_mark_members({"offer": _offer_version(was or line)}, {"offer": _offer_version(line)})["offer"],
            name=line["offer"]["name"],
            products=_count_products(line["offer"]["products"]),
            quantity=quantity,
            price=price,
            expected_price=expected_price,
            total=total,
        )


def _offer_version(line: Document) -> str:
    return f"{line['offer']['id']} {line['offer']['version']}"


def _count_products(products: Sequence[Document]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for product in products:
        counts[product["productCode"]] += product["quantity"]
    return counts


def _readable(basket: Document) -> Document:
    expires = format_date_time(datetime.fromisoformat(basket["expiresAt"]))
    country, source = basket["market"]["country"], basket["market"]["source"]
    market = country if source in (None, "country") else f"{country} by {source}"
    return {
        **basket,
        "market": market,
        "ready": _VERDICTS[basket["ready"]],
        "total": format_order_total(basket),
        "payable": _payable(basket),
        "expiresAt": f"{expires} UTC",
    }


def _payable(basket: Document) -> Document | None:
    """None where it says the same as the total."""
    payable, total = basket["payable"], basket["total"]
    same = payable is not None and total is not None and Decimal(payable["amount"]) == Decimal(total["amount"])
    return None if same else payable


def _mark_members(before: Document, after: Document) -> dict[str, MarkedValue]:
    marked: dict[str, MarkedValue] = {}
    for name, kind, was, is_now in diff_members(before, after):
        mark: DiffMark = kind or ""
        if mark == "changed" and (was is None or is_now is None):
            mark = "added" if was is None else "removed"
        marked[name] = MarkedValue(_text(is_now), _text(was) if mark else None, mark)
    return marked


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return format_money(value) if is_money(value) else json.dumps(value, ensure_ascii=False)
