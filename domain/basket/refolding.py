"""Views straight from stored documents: what a rebuild makes of a million events.

Most documents are exactly as this release writes them. Those of a basket are folded as text and as plain JSON, without
making an object of each event first, which takes a fifth of the time. Whatever is not exactly so (another field, another
order, another way of writing a time or an amount, a type that is not known, an event that does not fit) is left
to the careful way: the events and the rules of the basket itself. The tests hold the two to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from domain.base import fold
from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.document import Document
from domain.basket.plainness import (
    FOLDS_ALL,
    INITIATED,
    LAYOUTS,
    TYPE_ADDED,
    TYPE_COMPLETED,
    TYPE_DETAILS,
    TYPE_EXPECTED,
    TYPE_EXPIRED,
    TYPE_FORGOTTEN,
    TYPE_INITIATED,
    TYPE_QUANTITY,
    TYPE_REMOVED,
    TYPE_VALIDATED,
    VERDICT,
    a_bool,
    a_code,
    a_quantity,
    a_text,
    forgotten,
    is_plain_item,
    is_plain_time,
    plain_details,
    plain_money,
)
from domain.basket.projection import Stuck, view_of
from domain.basket.snapshot import restore
from domain.basket.writing import KNOWS_LINES, beginning, match_added, match_quantity
from domain.ports import BasketView
from domain.validation.touching import offer_name, policy_name, product_name


BETWEEN = "\n"
"""Stands between documents that are read together: none of them has a line's end."""

_Line = tuple[str, str, str, str, str]
"""A basket's line as it was written: up to its quantity, that, and the rest; its offer's id, its product's code."""


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


def view_brought_on(snapshot: bytes, documents: bytes) -> BasketView | None:
    """The view after the documents that follow a view's snapshot, joined by `BETWEEN`; None where they cannot be
    folded onto it."""
    try:
        events = decode_all(b"[" + documents.replace(BETWEEN.encode(), b",") + b"]")
        return view_of(cast("Basket", fold(restore(snapshot), events)))
    except Exception:  # noqa: BLE001  (events that fit no basket may fail in any way)
        return None


def plain_view(stream_id: str, documents: bytes) -> BasketView | None:
    """The view of a basket's stored documents, joined by `BETWEEN`, where each is exactly as this release writes it;
    None: take the careful way.

    Of a verdict the first fields are enough, its findings the last of them.
    """
    try:
        return _view(stream_id, documents.decode().split(BETWEEN)) if FOLDS_ALL else None
    except (ValueError, LookupError, TypeError):
        return None


def _view(stream_id: str, documents: list[str]) -> BasketView | None:  # noqa: PLR0912, PLR0915  (one for each event)
    first = orjson.loads(documents[0])
    if tuple(first) != INITIATED or first["type"] != TYPE_INITIATED:
        return None
    partner, details, expires_at = first["partner"], plain_details(first["details"]), first["expiresAt"]
    items: dict[str, Document | _Line] = {}
    status, ready, order_id = "open", None, None
    findings: list[Document] = []
    begun = beginning(stream_id)
    size = len(begun)
    last_time = None
    for version, written in enumerate(documents, 1):
        if KNOWS_LINES and written.startswith(begun):
            if added := match_added(written, size):
                number, last_time, head, id, quantity, rest, offer, product = added.groups()
                if number != str(version):
                    return None
                items[id] = (head, quantity, rest, offer, product)
                continue
            if changed := match_quantity(written, size):
                number, last_time, id, quantity = changed.groups()
                if number != str(version):
                    return None
                items[id] = _with_quantity(items[id], quantity)
                continue
        document = orjson.loads(written)
        if document["version"] != version or document["basketId"] != stream_id:
            return None
        time = document["occurredAt"]
        # All events of one command happened at one time.
        if time != last_time and not is_plain_time(time):
            return None
        last_time = time
        kind = document["type"]
        if kind == TYPE_VALIDATED:
            if tuple(document)[: len(VERDICT)] != VERDICT:
                return None
            ready = a_bool(document["ready"])
            findings = [*document["blockedProducts"], *document["validationErrors"]]
            continue
        if tuple(document) != LAYOUTS[kind]:
            return None
        if kind == TYPE_ADDED:
            item = document["orderItem"]
            if not is_plain_item(item):
                return None
            items[item["id"]] = item
        elif kind == TYPE_QUANTITY:
            id = document["orderItemId"]
            items[id] = _with_quantity(items[id], str(a_quantity(document["after"])))
        elif kind == TYPE_REMOVED:
            items.pop(document["orderItemId"], None)
        elif kind == TYPE_EXPECTED:
            id = document["orderItemId"]
            items[id] = {**_parsed(items[id]), "expectedPrice": plain_money(document["after"])}
        elif kind == TYPE_DETAILS:
            details = plain_details(document["details"])
        elif kind == TYPE_FORGOTTEN:
            details = forgotten(details)
        elif kind == TYPE_EXPIRED:
            status = "expired"
        elif kind == TYPE_COMPLETED:
            status, order_id = "completed", a_text(document["orderId"])
        elif version > 1:
            return None
    if not (is_plain_time(expires_at) and partner and type(partner) is str):
        return None
    created, modified = first["occurredAt"], last_time
    codes = sorted({a_code(finding["code"]) for finding in findings})
    offers: set[str] = set()
    products: set[str] = set()
    lines: list[Document | orjson.Fragment] = []
    for line in items.values():
        if type(line) is tuple:
            head, quantity, rest, offer, product = line
            offers.add(offer)
            products.add(product)
            lines.append(orjson.Fragment(head + quantity + rest))
        else:
            lines.append(line)
            offers.add(line["offer"]["id"])
            products.update(each["productCode"] for each in line["offer"]["products"])
    snapshot = {
        "id": stream_id,
        "version": len(documents),
        "partner": partner,
        "status": status,
        "details": details,
        "items": lines,
        "created": created,
        "modified": modified,
        "expiresAt": expires_at,
        "ready": ready,
        "orderId": order_id,
        "findingCodes": codes,
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
        uses=_uses(partner, offers, products) if status == "open" else frozenset(),
        ready=ready,
        offers=frozenset(offers),
        products=frozenset(products),
        finding_codes=frozenset(codes),
    )


def _with_quantity(line: Document | _Line, quantity: str) -> Document | _Line:
    if type(line) is tuple:
        return (line[0], quantity, *line[2:])
    return {**cast("Document", line), "quantity": int(quantity)}


def _parsed(line: Document | _Line) -> Document:
    if type(line) is tuple:
        parsed: Document = orjson.loads("".join(line[:3]))
        return parsed
    return cast("Document", line)


def _uses(partner: str, offers: set[str], products: set[str]) -> frozenset[str]:
    policies = (policy_name(partner), policy_name(None))
    return frozenset((*map(offer_name, offers), *map(product_name, products), *policies))
