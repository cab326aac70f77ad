"""Views straight from stored documents: what a rebuild makes of a million events.

Most documents are exactly as this release writes them. Those of a basket are folded as plain JSON, without making
an object of each event first, which takes a third of the time. Whatever is not exactly so (another field, another
order, another way of writing a time or an amount, a type that is not known, an event that does not fit) is left
to the careful way: the events and the rules of the basket itself. The tests hold the two to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from domain.basket.basket import Basket
from domain.basket.canonical_json import (
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
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.projection import ProjectionFailure, to_view
from domain.basket.references import offer_reference, policy_reference, product_reference
from domain.basket.serialization import Document
from domain.basket.snapshot import restore
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import fold


@dataclass(frozen=True, slots=True)
class ProjectedView:
    """A basket's view as its events say; None where not even the first can be folded. Where `stuck`, it
    holds all that came before."""

    view: BasketView | None
    stuck: ProjectionFailure | None = None


def project(documents: Iterable[tuple[int, bytes]]) -> ProjectedView:
    """The view of a basket's stored events, each with its version, in their order."""
    basket: Basket | None = None
    stuck: ProjectionFailure | None = None
    for version, document in documents:
        try:
            (event,) = decode_all(b"[" + document + b"]")
            basket = event.mutate(basket)
        except (UnreadableEvent, ValueError) as error:
            stuck = ProjectionFailure(version, f"the stored event cannot be read: {error}")
            break
        except Exception as error:  # noqa: BLE001  (an event that fits no basket may fail in any way)
            stuck = ProjectionFailure(version, f"{type(error).__name__}: {error}")
            break
    return ProjectedView(to_view(basket) if basket is not None else None, stuck)


def catch_up(snapshot: bytes, documents: bytes) -> BasketView | None:
    """The view after the documents that follow a view's snapshot, as a JSON array's inside; None where they cannot
    be folded onto it."""
    try:
        return to_view(cast("Basket", fold(restore(snapshot), decode_all(b"[" + documents + b"]"))))
    except Exception:  # noqa: BLE001  (events that fit no basket may fail in any way)
        return None


def project_canonical(stream_id: str, documents: bytes) -> BasketView | None:
    """The view of a basket's stored documents, as a JSON array's inside, where each is exactly as this release
    writes it; None: take the careful way.

    Of a verdict the first fields are enough, its findings the last of them.
    """
    try:
        return _view(stream_id, orjson.loads(b"[" + documents + b"]")) if FOLDS_ALL else None
    except (ValueError, LookupError, TypeError):
        return None


def _view(stream_id: str, documents: list[Document]) -> BasketView | None:  # noqa: PLR0912  (one for each event)
    first = documents[0]
    if tuple(first) != INITIATED or first["type"] != TYPE_INITIATED:
        return None
    partner, details, expires_at = first["partner"], plain_details(first["details"]), first["expiresAt"]
    items: dict[str, Document] = {}
    status, ready, order_id = "open", None, None
    findings: list[Document] = []
    last_time = None
    for version, document in enumerate(documents, 1):
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
            items[document["orderItemId"]]["quantity"] = a_quantity(document["after"])
        elif kind == TYPE_REMOVED:
            items.pop(document["orderItemId"], None)
        elif kind == TYPE_EXPECTED:
            items[document["orderItemId"]]["expectedPrice"] = plain_money(document["after"])
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
    created, modified = first["occurredAt"], documents[-1]["occurredAt"]
    codes = sorted({a_code(finding["code"]) for finding in findings})
    offers = {item["offer"]["id"] for item in items.values()}
    products = {product["productCode"] for item in items.values() for product in item["offer"]["products"]}
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


def _uses(partner: str, offers: set[str], products: set[str]) -> frozenset[str]:
    policies = (policy_reference(partner), policy_reference(None))
    return frozenset((*map(offer_reference, offers), *map(product_reference, products), *policies))
