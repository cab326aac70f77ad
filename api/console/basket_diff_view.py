"""A basket beside how it was at another version: every value with what stood there before, every line that came or
left. Both are documents of `domain.operators.history.basket_json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api.console.components.formatting import timestamp_text
from domain.operators.history.basket_json import Document
from domain.shared.values import json_equal

DiffMark = Literal["", "added", "removed", "changed"]

_FACTS = (
    ("Organisation", "partner"),
    ("Status", "status"),
    ("Verdict", "ready"),
    ("Order", "orderId"),
    ("External id", "external_id"),
    ("Country", "country"),
    ("Currency", "currency"),
    ("Source", "source"),
    ("Order type", "order_type"),
    ("Total", "total"),
    ("Expires", "expiresAt"),
)
_MAPS = (("Tracking", "tracking"), ("Custom fields", "customFields"))
_VERDICTS = {True: "ready", False: "not ready", None: "not judged"}


@dataclass(frozen=True, slots=True)
class MarkedValue:
    """A value as text, and the one before where it differs; None: there is, or was, none."""

    value: str | None
    before: str | None = None
    mark: DiffMark = ""


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line of either version; one that left is told as it was."""

    id: str
    mark: DiffMark
    add_on: bool
    offer: str
    name: str | None
    products: tuple[str, ...]
    """The product codes of its offer; one that the offer holds twice stands twice."""
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
    """The basket `after` beside `before`; None: nothing is marked."""
    return MarkedBasket(tuple(_facts(before, after)), tuple(_lines(before, after)))


def _facts(before: Document | None, after: Document) -> Iterator[tuple[str, MarkedValue]]:
    for title, name in _FACTS:
        yield title, _marked(before and before[name], after[name], known=before is not None, name=name)
    for title, name in _MAPS:
        was: Mapping[str, Any] = before[name] if before is not None else after[name]
        for key in [*after[name], *(key for key in was if key not in after[name])]:
            yield f"{title}: {key}", _entry(was, after[name], key)


def _entry(was: Mapping[str, Any], now: Mapping[str, Any], key: str) -> MarkedValue:
    if key not in now:
        return MarkedValue(None, _text(was[key]), "removed")
    if key not in was:
        return MarkedValue(_text(now[key]), None, "added")
    if json_equal(was[key], now[key]):
        return MarkedValue(_text(now[key]))
    return MarkedValue(_text(now[key]), _text(was[key]), "changed")


def _lines(before: Document | None, after: Document) -> Iterator[MarkedLine]:
    """In the order of now; those that left stand where they stood."""
    now = {line["id"]: line for line in after["orderItems"]}
    was = {line["id"]: line for line in before["orderItems"]} if before is not None else now
    told: set[str] = set()
    for id, line in was.items():
        told.add(id)
        yield _line(line, now[id]) if id in now else _whole(line, "removed")
    for id, line in now.items():
        if id not in told:
            yield _whole(line, "added")


def _whole(line: Document, mark: DiffMark) -> MarkedLine:
    return _made(line, mark, {name: MarkedValue(_text(line[name])) for name in _COMPARED})


def _line(was: Document, now: Document) -> MarkedLine:
    fields = {name: _marked(was[name], now[name], known=True) for name in _COMPARED}
    return _made(now, "changed" if any(field.mark for field in fields.values()) else "", fields)


_COMPARED = ("quantity", "price", "expectedPrice", "lineTotal")


def _made(line: Document, mark: DiffMark, fields: Mapping[str, MarkedValue]) -> MarkedLine:
    return MarkedLine(
        id=line["id"],
        mark=mark,
        add_on=line["type"] == "add_on",
        offer=f"{line['offer']['id']} {line['offer']['version']}",
        name=line["offer"]["name"],
        products=tuple(product["productCode"] for product in line["offer"]["products"]),
        quantity=fields["quantity"],
        price=fields["price"],
        expected_price=fields["expectedPrice"],
        total=fields["lineTotal"],
    )


def _marked(was: object, now: object, *, known: bool, name: str = "") -> MarkedValue:
    if not known or json_equal(was, now):
        return MarkedValue(_text(now, name))
    mark: DiffMark = "changed"
    if name != "ready" and (was is None or now is None):
        mark = "added" if was is None else "removed"
    return MarkedValue(_text(now, name), _text(was, name), mark)


def _text(value: Any, name: str = "") -> str | None:
    if name == "ready":
        return _VERDICTS[value]
    match value:
        case None:
            return None
        case {"amount": amount, "currency": currency} if len(value) == 2:
            return f"{amount} {currency}"
        case str():
            return f"{timestamp_text(datetime.fromisoformat(value))} UTC" if name == "expiresAt" else value
        case _:
            return json.dumps(value, ensure_ascii=False)
