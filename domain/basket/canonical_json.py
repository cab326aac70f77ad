"""Whether a stored document is exactly as this release writes it."""

from __future__ import annotations

import re

from pydantic import BaseModel

from domain.basket import events as happened
from domain.basket.serialization import Document
from domain.basket.snapshot import BasketSnapshot
from domain.shared.values import LineOffer, Money, Product


class NotCanonical(ValueError):
    """Something that is written in another way."""


def layout_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The names in a model's JSON, in the order in which they are written."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


INITIATED = layout_of(happened.BasketInitiated)
TYPE_INITIATED = happened.BasketInitiated.TOPIC
TYPE_ADDED = happened.OrderItemAdded.TOPIC
TYPE_VALIDATED = happened.BasketValidated.TOPIC
TYPE_QUANTITY = happened.OrderItemQuantityChanged.TOPIC
TYPE_REMOVED = happened.OrderItemRemoved.TOPIC
TYPE_EXPECTED = happened.OrderItemPriceExpected.TOPIC
TYPE_DETAILS = happened.BasketDetailsChanged.TOPIC
TYPE_EXPIRED = happened.BasketExpired.TOPIC
TYPE_COMPLETED = happened.BasketCompleted.TOPIC
LAYOUTS = {event.TOPIC: layout_of(event) for event in happened.BasketEvent.__args__}
VERDICT = (
    *("basketId", "version", "occurredAt", "type", "ready"),
    *("basketVersion", "blockedProducts", "validationErrors"),
)
_DETAILS = layout_of(happened.BasketDetails)
_ITEM = layout_of(happened.OrderItem)
_OFFER = layout_of(LineOffer)
_PRODUCT = layout_of(Product)
_MONEY = layout_of(Money)

MAPS = frozenset({"tracking", "customFields"})

TYPE_FORGOTTEN = "checkout.basket-personal-data-forgotten.v1"
KNOWN_TYPES = {
    *(TYPE_INITIATED, TYPE_DETAILS, TYPE_ADDED, TYPE_REMOVED, TYPE_QUANTITY, TYPE_EXPECTED),
    *(TYPE_VALIDATED, TYPE_EXPIRED, TYPE_COMPLETED, TYPE_FORGOTTEN),
}

FOLDS_ALL = (
    layout_of(BasketSnapshot)
    == (
        *("id", "version", "partner", "status", "details", "items"),
        *("created", "modified", "expiresAt", "ready", "orderId", "findingCodes"),
    )
    and LAYOUTS.keys() <= KNOWN_TYPES
    and LAYOUTS[TYPE_VALIDATED][: len(VERDICT)] == VERDICT
)
"""A basket that comes to hold more, or that more can happen to, is folded the careful way until this module knows
of it."""

# As pydantic writes a time in UTC: no fraction, or six digits that are not all zero.
is_plain_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!0{6})\d{6})?Z", re.ASCII).fullmatch

# As a decimal writes itself: no zero in front that need not be.
_plain_amount = re.compile(r"(?:0|[1-9]\d{0,11})(?:\.\d{1,4})?", re.ASCII).fullmatch


def plain_details(details: Document) -> Document:
    """Sealed maps and texts are maps and texts like others. Raises NotCanonical."""
    if tuple(details) != _DETAILS:
        _add_what_came_later(details, happened.BasketDetails, _DETAILS)
    for name, value in details.items():
        if name in MAPS:
            if type(value) is not dict:
                raise NotCanonical
            if value:
                _no_large_numbers(value)
        elif value is not None and type(value) is not str:
            raise NotCanonical
    return details


def forgotten(details: Document) -> Document:
    """Details without the personal data that they held."""
    empty: Document = {"tracking": {}, "customFields": {}, "dataSubject": None}
    return {name: empty.get(name, value) for name, value in details.items()}


def _add_what_came_later(document: Document, model: type[BaseModel], layout: tuple[str, ...]) -> None:
    """A document from before the last fields of its model says null for them."""
    there = tuple(document)
    later = [*model.model_fields.values()][len(there) :]
    if there != layout[: len(there)] or any(field.get_default() is not None for field in later):
        raise NotCanonical
    document.update(dict.fromkeys(layout[len(there) :]))


def _no_large_numbers(value: object) -> None:
    # The parser makes floats of integers that need more than 64 bits.
    if type(value) is float and abs(value) >= 2**63:
        raise NotCanonical
    if type(value) is dict:
        for entry in value.values():
            _no_large_numbers(entry)
    elif type(value) is list:
        for entry in value:
            _no_large_numbers(entry)


def is_plain_item(item: Document) -> bool:
    """Raises NotCanonical too."""
    # The most frequent of all by far, so that it is written out.
    if tuple(item) != _ITEM:
        _add_what_came_later(item, happened.OrderItem, _ITEM)
    offer, quantity, price = item["offer"], item["quantity"], item["price"]
    if tuple(offer) != _OFFER or type(item["id"]) is not str:
        return False
    for product in offer["products"]:
        if tuple(product) != _PRODUCT or type(product["productCode"]) is not str:
            return False
    if type(quantity) is not int or quantity < 1:
        return False
    if price is not None and (tuple(price) != _MONEY or not _plain_amount(price["amount"])):
        return False
    return item["expectedPrice"] is None or plain_money(item["expectedPrice"]) is not None


def plain_money(money: Document | None) -> Document | None:
    if money is not None and (tuple(money) != _MONEY or not _plain_amount(money["amount"])):
        raise NotCanonical
    return money


def a_quantity(value: object) -> int:
    if type(value) is not int or value < 1:
        raise NotCanonical
    return value


def a_bool(value: object) -> bool:
    if type(value) is not bool:
        raise NotCanonical
    return value


def a_code(value: object) -> str:
    if type(value) is not str:
        raise NotCanonical
    return value


def a_text(value: object) -> str | None:
    if value is not None and type(value) is not str:
        raise NotCanonical
    return value
