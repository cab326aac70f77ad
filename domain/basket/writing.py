"""The most frequent events as text, as this release writes them to the byte: a line that was added, a quantity that
changed. To match one takes a third of the time of parsing it, and of writing its line again.

What matches is JSON: there is no escape in any of its texts, no space between them, and no number but a small one.
"""

from __future__ import annotations

import re

from domain.basket import events as happened
from domain.basket.plainness import AMOUNT, LAYOUTS, TIME, TYPE_ADDED, TYPE_QUANTITY, layout_of
from domain.values import Money, Product

_TEXT = r'"[^"\\\x00-\x1f]*"'
_TEXT_WITHIN = r'"([^"\\\x00-\x1f]*)"'
_COUNT = r"[1-9]\d{0,8}"
_MONEY = rf'(?:null|\{{"amount":"{AMOUNT}","currency":{_TEXT}\}})'

# What follows the basket's id: the version and the time of an event.
_BEGUN = rf'({_COUNT}),"occurredAt":"({TIME})","type":'

# Groups: version, time; the line up to its quantity, its id, its quantity, and from there on; offer, product code.
match_added = re.compile(
    rf'{_BEGUN}"{re.escape(TYPE_ADDED)}","orderItem":'
    rf'(\{{"id":{_TEXT_WITHIN},"type":{_TEXT},"parentId":(?:null|{_TEXT}),"quantity":)({_COUNT})'
    rf'(,"offer":\{{"id":{_TEXT_WITHIN},"version":{_TEXT},"name":(?:null|{_TEXT}),"path":(?:null|{_TEXT}),'
    rf'"products":\[\{{"productCode":{_TEXT_WITHIN},"path":(?:null|{_TEXT})\}}\]\}},'
    rf'"price":{_MONEY},"expectedPrice":{_MONEY}\}})\}}',
    re.ASCII,
).fullmatch

# Groups: version, time, the line's id, its quantity now.
match_quantity = re.compile(
    rf'{_BEGUN}"{re.escape(TYPE_QUANTITY)}","orderItemId":{_TEXT_WITHIN},"before":{_COUNT},"after":({_COUNT})\}}',
    re.ASCII,
).fullmatch

KNOWS_LINES = (
    LAYOUTS[TYPE_ADDED] == ("basketId", "version", "occurredAt", "type", "orderItem")
    and LAYOUTS[TYPE_QUANTITY]
    == ("basketId", "version", "occurredAt", "type", "orderItemId", "before", "after")
    and layout_of(happened.OrderItem)
    == ("id", "type", "parentId", "quantity", "offer", "price", "expectedPrice")
    and layout_of(happened.LineOffer) == ("id", "version", "name", "path", "products")
    and layout_of(Product) == ("productCode", "path")
    and layout_of(Money) == ("amount", "currency")
)
"""Where a line comes to hold more, all of them are parsed until this module knows of it."""


def beginning(stream_id: str) -> str:
    """What every event of a basket begins with; the patterns match from there on."""
    return f'{{"basketId":"{stream_id}","version":'
