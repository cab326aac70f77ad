"""What differs between two states of a basket, in words and by where it stands.

Paths are RFC 9535 JSONPaths into what `showing.basket_document` says. A line is named by its id, so that a path
means the same line in both documents, wherever it stands. The version, the time of the last change and the order of
the lines, which differ as a matter of course, are not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue

from domain.basket.basket import Basket
from domain.operators.history.basket_json import Document, basket_json
from domain.operators.history.event_descriptions import describe_change
from domain.shared.eventsourcing import Value
from domain.shared.printable import printable
from domain.shared.values import json_equal

_MATTER_OF_COURSE = frozenset({"version", "modified"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABELS = {
    "external_id": "external id",
    "order_type": "order type",
    "customFields": "custom fields",
    "expiresAt": "end",
    "orderId": "order",
    "expectedPrice": "expected price",
    "lineTotal": "line total",
    "parentId": "parent",
}
_VERDICTS = {True: "judged ready", False: "judged not ready", None: "not judged"}


class FieldDifference(Value):
    """One place in which the second state is not as the first."""

    kind: Literal["added", "removed", "changed"]
    path: str
    before: JsonValue
    """Null where there was nothing, and where there was a null."""
    after: JsonValue
    words: str


def diff_baskets(before: Basket, after: Basket) -> Sequence[FieldDifference]:
    """What differs, in the order of the document: in the lines, first those that left, then those that differ,
    then those that came."""
    was, is_now = basket_json(before), basket_json(after)
    found: list[FieldDifference] = []
    for name in was:
        if name == "orderItems":
            found += _lines(was[name], is_now[name])
        elif name == "ready":
            if was[name] is not is_now[name]:
                words = f"{_VERDICTS[is_now[name]]}, before: {_VERDICTS[was[name]]}"
                found.append(_changed("$.ready", was[name], is_now[name], words))
        elif name not in _MATTER_OF_COURSE:
            found += _value(f"$.{name}", _LABELS.get(name, name), was[name], is_now[name])
    return [each.model_copy(update={"words": printable(each.words)}) for each in found]


def _lines(before: Sequence[Document], after: Sequence[Document]) -> Iterator[FieldDifference]:
    was, is_now = {line["id"]: line for line in before}, {line["id"]: line for line in after}
    for id, line in was.items():
        if id not in is_now:
            words = f"{line['quantity']} × {_line_name(line)} removed"
            yield FieldDifference(kind="removed", path=_line_path(id), before=line, after=None, words=words)
    for id, line in was.items():
        if id in is_now:
            yield from _line(line, is_now[id])
    for id, line in is_now.items():
        if id not in was:
            price = f" at {_plain(line['price'])}" if line["price"] else " without a price"
            words = f"{line['quantity']} × {_line_name(line)} added{price}"
            yield FieldDifference(kind="added", path=_line_path(id), before=None, after=line, words=words)


def _line(before: Document, after: Document) -> Iterator[FieldDifference]:
    for name, was in before.items():
        label = f"{_LABELS.get(name, name)} of {_line_name(before)}"
        if not json_equal(was, after[name]):
            words = describe_change(label, _plain(was), _plain(after[name]))
            yield _changed(f"{_line_path(before['id'])}.{name}", was, after[name], words)


def _value(path: str, label: str, before: JsonValue, after: JsonValue) -> Iterator[FieldDifference]:
    """Objects are compared entry by entry, unless they are money; everything else as a whole."""
    if json_equal(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and not (_is_money(before) or _is_money(after)):
        yield from _entries(path, label, before, after)
    else:
        yield _changed(path, before, after, describe_change(label, _plain(before), _plain(after)))


def _entries(
    path: str, label: str, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> Iterator[FieldDifference]:
    for key in [*before, *(key for key in after if key not in before)]:
        where, what = f"{path}{_step(key)}", f"{label}: {key}"
        if key not in after:
            words = f"{what} no longer {_said(before[key])}"
            yield FieldDifference(kind="removed", path=where, before=before[key], after=None, words=words)
        elif key not in before:
            words = f"{what} now {_said(after[key])}"
            yield FieldDifference(kind="added", path=where, before=None, after=after[key], words=words)
        else:
            yield from _value(where, what, before[key], after[key])


def _changed(path: str, before: JsonValue, after: JsonValue, words: str) -> FieldDifference:
    return FieldDifference(kind="changed", path=path, before=before, after=after, words=words)


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


def _is_money(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"amount", "currency"}


def _said(value: JsonValue) -> Any:
    return "there" if value is None else _plain(value)


def _plain(value: Any) -> Any:
    """A value as words say it; null stays None."""
    match value:
        case {"amount": amount, "currency": currency} if len(value) == 2:
            return f"{amount} {currency}"
        case {"id": id, "version": version, "products": _}:
            return f"{id} {version}"
        case bool():
            return "true" if value else "false"
        case _:
            return value
