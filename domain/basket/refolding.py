"""Views straight from stored documents: what a rebuild makes of a million events.

Most documents are exactly as this release writes them. Those of a basket are folded as plain JSON, without making
an object of each event first, which takes a third of the time. Whatever is not exactly so (another field, another
order, another way of writing a time or an amount, a type that is not known, an event that does not fit) is left
to the careful way: the events and the rules of the basket itself. The tests hold the two to the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel

from domain.basket import events as happened
from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.projection import Stuck, view_of
from domain.basket.snapshot import BasketSnapshot
from domain.ports import BasketView
from domain.validation.touching import offer_name, policy_name, product_name
from domain.values import Money, Product

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refolded:
    """A basket's view as its events say; None where not even the first can be folded. Where `stuck`, it
    holds all that came before."""

    view: BasketView | None
    stuck: Stuck | None = None


def careful_view(documents: Iterable[tuple[int, bytes]]) -> Refolded:
    """The view of a basket's stored events, each with its version, in their order."""
    basket: Basket | None = None
    stuck: Stuck | None = None
    for version, document in documents:
        try:
            (event,) = decode_all(b"[" + document + b"]")
            basket = event.mutate(basket)
        except (UnreadableEvent, ValueError) as error:
            stuck = Stuck(version, f"the stored event cannot be read: {error}")
            break
        except Exception as error:  # noqa: BLE001  (an event that fits no basket may fail in any way)
            stuck = Stuck(version, f"{type(error).__name__}: {error}")
            break
    return Refolded(view_of(basket) if basket is not None else None, stuck)


def plain_view(stream_id: str, documents: bytes) -> BasketView | None:
    """The view of a basket's stored documents, as a JSON array's inside, where each is exactly as this release
    writes it; None: take the careful way.

    Of a verdict the first fields are enough, `ready` the last of them.
    """
    try:
        return _view(stream_id, orjson.loads(b"[" + documents + b"]")) if _FOLDS_ALL else None
    except (ValueError, LookupError, TypeError):
        return None


class _NotPlain(ValueError):
    """Something that the quick way does not know."""


def _view(stream_id: str, documents: list[Document]) -> BasketView | None:  # noqa: PLR0912  (one for each event)
    first = documents[0]
    if tuple(first) != _INITIATED or first["type"] != _TYPE_INITIATED:
        return None
    partner, details, expires_at = first["partner"], _plain_details(first["details"]), first["expiresAt"]
    items: dict[str, Document] = {}
    status, ready, order_id = "open", None, None
    last_time = None
    for version, document in enumerate(documents, 1):
        if document["version"] != version or document["basketId"] != stream_id:
            return None
        time = document["occurredAt"]
        # All events of one command happened at one time.
        if time != last_time and not _plain_time(time):
            return None
        last_time = time
        kind = document["type"]
        if kind == _TYPE_VALIDATED:
            if tuple(document)[: len(_VERDICT)] != _VERDICT:
                return None
            ready = _a_bool(document["ready"])
            continue
        if tuple(document) != _LAYOUTS[kind]:
            return None
        if kind == _TYPE_ADDED:
            item = document["orderItem"]
            if not _is_plain_item(item):
                return None
            items[item["id"]] = item
        elif kind == _TYPE_QUANTITY:
            items[document["orderItemId"]]["quantity"] = _a_quantity(document["after"])
        elif kind == _TYPE_REMOVED:
            items.pop(document["orderItemId"], None)
        elif kind == _TYPE_EXPECTED:
            items[document["orderItemId"]]["expectedPrice"] = _plain_money(document["after"])
        elif kind == _TYPE_DETAILS:
            details = _plain_details(document["details"])
        elif kind == _TYPE_EXPIRED:
            status = "expired"
        elif kind == _TYPE_COMPLETED:
            status, order_id = "completed", _a_text(document["orderId"])
        elif version > 1:
            return None
    if not (_plain_time(expires_at) and partner and type(partner) is str):
        return None
    created, modified = first["occurredAt"], documents[-1]["occurredAt"]
    snapshot = {
        "id": stream_id,
        "version": len(documents),
        "partner": partner,
        "status": status,
        "details": details,
        "items": list(items.values()),
        "created": created,
        "modified": modified,
        "expiresAt": expires_at,
        "ready": ready,
        "orderId": order_id,
    }
    return BasketView(
        basket_id=stream_id,
        version=len(documents),
        partner=partner,
        external_id=details["external_id"],
        status=status,
        created=datetime.fromisoformat(created),
        modified=datetime.fromisoformat(modified),
        expires_at=datetime.fromisoformat(expires_at),
        snapshot=orjson.dumps(snapshot),
        uses=_uses(partner, items) if status == "open" else frozenset(),
    )


def _uses(partner: str, items: dict[str, Document]) -> frozenset[str]:
    names = {policy_name(partner), policy_name(None)}
    for item in items.values():
        offer = item["offer"]
        names.add(offer_name(offer["id"]))
        for product in offer["products"]:
            names.add(product_name(product["productCode"]))
    return frozenset(names)


def _layout(model: type[BaseModel]) -> tuple[str, ...]:
    """The names in a model's JSON, in the order in which they are written."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


_INITIATED = _layout(happened.BasketInitiated)
_TYPE_INITIATED = happened.BasketInitiated.TOPIC
_TYPE_ADDED = happened.OrderItemAdded.TOPIC
_TYPE_VALIDATED = happened.BasketValidated.TOPIC
_TYPE_QUANTITY = happened.OrderItemQuantityChanged.TOPIC
_TYPE_REMOVED = happened.OrderItemRemoved.TOPIC
_TYPE_EXPECTED = happened.OrderItemPriceExpected.TOPIC
_TYPE_DETAILS = happened.BasketDetailsChanged.TOPIC
_TYPE_EXPIRED = happened.BasketExpired.TOPIC
_TYPE_COMPLETED = happened.BasketCompleted.TOPIC
_LAYOUTS = {event.TOPIC: _layout(event) for event in happened.BasketEvent.__args__}
_VERDICT = ("basketId", "version", "occurredAt", "type", "ready")
_DETAILS = _layout(happened.BasketDetails)
_ITEM = _layout(happened.OrderItem)
_OFFER = _layout(happened.LineOffer)
_PRODUCT = _layout(Product)
_MONEY = _layout(Money)

_FOLDS_ALL = (
    _layout(BasketSnapshot)
    == (
        *("id", "version", "partner", "status", "details", "items"),
        *("created", "modified", "expiresAt", "ready", "orderId"),
    )
    and len(_LAYOUTS) == 9
    and _LAYOUTS[_TYPE_VALIDATED][: len(_VERDICT)] == _VERDICT
)
"""A basket that comes to hold more, or that more can happen to, is folded the careful way until this module knows
of it."""

# As pydantic writes a time in UTC: no fraction, or six digits that are not all zero.
_plain_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!0{6})\d{6})?Z").fullmatch

# As a decimal writes itself: no zero in front that need not be.
_plain_amount = re.compile(r"(?:0|[1-9]\d{0,11})(?:\.\d{1,4})?").fullmatch


def _plain_details(details: Document) -> Document:
    if (
        tuple(details) != _DETAILS
        or type(details["tracking"]) is not dict
        or type(details["customFields"]) is not dict
    ):
        raise _NotPlain
    for name in _DETAILS[:-2]:
        _a_text(details[name])
    if details["tracking"] or details["customFields"]:
        _no_large_numbers(details["tracking"])
        _no_large_numbers(details["customFields"])
    return details


def _no_large_numbers(value: object) -> None:
    # The parser makes floats of integers that need more than 64 bits.
    if type(value) is float and abs(value) >= 2**63:
        raise _NotPlain
    if type(value) is dict:
        for entry in value.values():
            _no_large_numbers(entry)
    elif type(value) is list:
        for entry in value:
            _no_large_numbers(entry)


def _is_plain_item(item: Document) -> bool:
    # The most frequent of all by far, so that it is written out.
    offer, quantity, price = item["offer"], item["quantity"], item["price"]
    if tuple(item) != _ITEM or tuple(offer) != _OFFER or type(item["id"]) is not str:
        return False
    for product in offer["products"]:
        if tuple(product) != _PRODUCT or type(product["productCode"]) is not str:
            return False
    if type(quantity) is not int or quantity < 1:
        return False
    if price is not None and (tuple(price) != _MONEY or not _plain_amount(price["amount"])):
        return False
    return item["expectedPrice"] is None or _plain_money(item["expectedPrice"]) is not None


def _plain_money(money: Document | None) -> Document | None:
    if money is not None and (tuple(money) != _MONEY or not _plain_amount(money["amount"])):
        raise _NotPlain
    return money


def _a_quantity(value: object) -> int:
    if type(value) is not int or value < 1:
        raise _NotPlain
    return value


def _a_bool(value: object) -> bool:
    if type(value) is not bool:
        raise _NotPlain
    return value


def _a_text(value: object) -> str | None:
    if value is not None and type(value) is not str:
        raise _NotPlain
    return value
