"""What differs between two states of a basket, in words and by JSONPath.

Paths are RFC 9535 JSONPaths into the document of `basket_json`. A path names a line by its id, so it means the same
line in both documents. The version, the time of the last change and the order of the lines are not compared. `payable`
follows from `total`; `totals` are compared where there are several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import JsonValue

from domain.basket.basket import Basket
from domain.operators.history.basket_json import Document, basket_json
from domain.operators.history.event_descriptions import describe_change
from domain.shared.eventsourcing import Value
from domain.shared.formatting import format_money, format_totals, is_money
from domain.shared.json_diff import DifferenceKind, diff_members
from domain.shared.printable import printable

_NOT_COMPARED = frozenset({"version", "modified", "payable"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABELS = {
    "external_id": "external id",
    "market": "country of eligibility",
    "order_type": "order type",
    "customFields": "custom fields",
    "customerDetails": "customer details",
    "billingDetails": "billing details",
    "deliveryDetails": "delivery details",
    "expiresAt": "end",
    "orderId": "order",
    "cancelReason": "reason of the cancellation",
    "expectedPrice": "expected price",
    "lineTotal": "line total",
    "parentId": "parent",
}
_VERDICTS = {True: "judged ready", False: "judged not ready", None: "not judged"}


class FieldDifference(Value):
    """One place in which the second state differs from the first."""

    kind: DifferenceKind
    path: str
    before: JsonValue
    """Null where there was nothing, and where there was a null."""
    after: JsonValue
    words: str


def diff_baskets(before: Basket, after: Basket) -> Sequence[FieldDifference]:
    """All differences, in the order of the document. Of the lines, removed ones come first, then changed ones, then
    added ones."""
    found: list[FieldDifference] = []
    for name, kind, was, is_now in diff_members(basket_json(before), basket_json(after)):
        if kind is None or name in _NOT_COMPARED:
            continue
        if name == "orderItems":
            found += _diff_lines(was, is_now)
        elif name == "market" and before.details.market is None and after.details.market is None:
            continue  # `country` alone decides, and says so itself
        elif name == "totals":
            if max(len(was), len(is_now)) > 1:  # otherwise `total` says it
                words = describe_change("totals", format_totals(was), format_totals(is_now))
                found.append(_difference(kind, "$.totals", was, is_now, words))
        elif name == "ready":
            words = f"{_VERDICTS[is_now]}, before: {_VERDICTS[was]}"
            found.append(_difference(kind, "$.ready", was, is_now, words))
        else:
            found += _diff_values(f"$.{name}", _LABELS.get(name, name), was, is_now)
    return found


def _diff_lines(before: Sequence[Document], after: Sequence[Document]) -> Iterator[FieldDifference]:
    changes = [*diff_members({line["id"]: line for line in before}, {line["id"]: line for line in after})]
    for id, kind, line, _ in changes:
        if kind == "removed":
            words = f"{line['quantity']} × {_line_name(line)} removed"
            yield _difference("removed", _line_path(id), line, None, words)
    for id, kind, was, is_now in changes:
        if kind == "changed":
            yield from _diff_line(id, was, is_now)
    for id, kind, _, line in changes:
        if kind == "added":
            price = f" at {_text(line['price'])}" if line["price"] else " without a price"
            words = f"{line['quantity']} × {_line_name(line)} added{price}"
            yield _difference("added", _line_path(id), None, line, words)


def _diff_line(id: str, before: Document, after: Document) -> Iterator[FieldDifference]:
    for name, kind, was, is_now in diff_members(before, after):
        if kind is not None:
            label = f"{_LABELS.get(name, name)} of {_line_name(before)}"
            words = describe_change(label, _text(was), _text(is_now))
            yield _difference("changed", f"{_line_path(id)}.{name}", was, is_now, words)


def _diff_values(path: str, label: str, before: JsonValue, after: JsonValue) -> Iterator[FieldDifference]:
    """The differences of two unequal values: member by member where both are objects, except of money."""
    if not (isinstance(before, dict) and isinstance(after, dict)) or is_money(before) or is_money(after):
        words = describe_change(label, _text(before), _text(after))
        yield _difference("changed", path, before, after, words)
        return
    for name, kind, was, is_now in diff_members(before, after):
        where, what = f"{path}{_step(name)}", f"{label}: {name}"
        if kind == "changed":
            yield from _diff_values(where, what, was, is_now)
        elif kind is not None:
            value, verb = (was, "no longer") if kind == "removed" else (is_now, "now")
            words = f"{what} {verb} {'there' if value is None else _text(value)}"
            yield _difference(kind, where, was, is_now, words)


def _difference(kind: DifferenceKind, path: str, before: JsonValue, after: JsonValue, words: str) -> FieldDifference:
    return FieldDifference(kind=kind, path=path, before=before, after=after, words=printable(words))


def _line_name(line: Document) -> str:
    offer = f"{line['offer']['id']} {line['offer']['version']}"
    return f"add-on {offer}" if line["type"] == "add_on" else offer


def _line_path(id: str) -> str:
    return f"$.orderItems[?@.id=={_quoted(id)}]"


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_NAME.fullmatch(key) else f"[{_quoted(key)}]"


def _quoted(text: str) -> str:
    """A string literal of RFC 9535."""
    escaped = "".join(_ESCAPES.get(each, each) if each >= " " else f"\\u{ord(each):04x}" for each in text)
    return f"'{escaped}'"


_ESCAPES = {"'": "\\'", "\\": "\\\\"}


def _text(value: Any) -> Any:
    """A value as descriptions show it. Null stays None."""
    match value:
        case dict() if is_money(value):
            return format_money(value)
        case {"id": id, "version": version, "products": _}:
            return f"{id} {version}"
        case bool():
            return "true" if value else "false"
        case _:
            return value
