"""Examples of requests, responses and problems. The code that answers calls renders the responses and problems."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.wire import request_errors
from adapters.wire.problems import Problem, to_problem
from adapters.wire.responses import list_body, order_body, render_body
from domain.basket.basket import Basket
from domain.basket.command_executor import VersionConflict
from domain.basket.commands import ActionResult, Cancelled, Initiated, Updated, Validated
from domain.basket.events import BasketDetails, OrderItem
from domain.basket.lister import ListedBaskets
from domain.ports.basket_list import BasketFilter
from domain.shared import errors
from domain.shared.cursors import PagePosition
from domain.shared.errors import Violation
from domain.shared.findings import Assessment, Finding, LeadsTo, LineQuantityChange, Remedy, Verdict
from domain.shared.money import OrderTotal, Price
from domain.shared.values import LineOffer, Product

BASKET_ID = "basket-0198c5a2-7f00-7c3e-9a51-3a5de7f0c101"
ITEM_ID = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c102"
_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CURSOR = PagePosition(_NOW, BASKET_ID).encode(BasketFilter(partner="shop"))

_INITIATE_REQUEST = {
    "order": {
        "orderItems": [{"offer": {"id": "o-1", "version": "v-1"}, "quantity": 1, "type": "offer"}],
        "external_id": "EXT-ORD-12345",
        "country": "GB",
        "currency": "GBP",
        "source": "shop",
        "order_type": "new",
        "tracking": {"offers": ["/offers/weekly"], "purchaseCountryCode": "GB"},
        "customFields": {},
        "dataSubject": "p-48213",
    }
}
_LIMIO_REQUEST = {
    "order": {
        "checkoutId": BASKET_ID,
        "orderItems": [
            {
                "id": ITEM_ID,
                "offer": {"id": "o-1", "version": "v-1", "name": "Weekly paper", "path": "/offers/weekly"},
                "type": "offer",
                "expectedPrice": {"amount": "10.00", "currency": "GBP", "interval": "P1M"},
            },
            {"offer": {"id": "a-7", "version": "v-3"}, "quantity": 2, "type": "add_on", "parentId": ITEM_ID},
        ],
        "currency": "GBP",
        "tracking": {"campaign": "/pages/autumn", "tag": "/tags/reseller", "purchaseCountryCode": "GB"},
        "customerDetails": {"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.org"},
        "billingDetails": {"address1": "1 Example Street", "city": "London", "postalCode": "EC1A 1BB", "country": "GB"},
        "deliveryDetails": {"firstName": "Ada", "city": "Galway", "country": "IE"},
    }
}
_DETAILS_REQUEST = {
    "order": {"checkoutId": BASKET_ID, "customerDetails": {"firstName": "Grace", "email": "grace@example.org"}}
}
_ALL_DETAILS = {
    "external_id": "EXT-ORD-12345",
    "country": "IE",
    "currency": "EUR",
    "source": None,
    "order_type": "new",
    "tracking": {"campaign": "/pages/autumn"},
    "customFields": {"crm_id": "C-77"},
    "dataSubject": "p-48213",
    "customerDetails": {"firstName": "Grace", "email": "grace@example.org"},
    "billingDetails": {"city": "London", "country": "GB"},
    "deliveryDetails": {"city": "Galway", "country": "IE"},
}
_ACTIONS: dict[str, list[dict[str, Any]]] = {
    "Add an offer, and change the quantity of a line": [
        {"orderItemActionType": "add", "offer": {"id": "o-2", "version": "v-1"}, "quantity": 1, "type": "offer"},
        {"orderItemActionType": "change_quantity", "id": ITEM_ID, "quantity": 3},
    ],
    "Remove a line": [{"orderItemActionType": "remove", "id": ITEM_ID}],
    "Put another version into a line": [
        {"orderItemActionType": "swap", "id": ITEM_ID, "offer": {"id": "o-1", "version": "v-2"}, "quantity": 2}
    ],
    "Begin again: remove all lines and add one": [
        {"orderItemActionType": "clear"},
        {"orderItemActionType": "add", "offer": {"id": "o-2", "version": "v-1"}, "quantity": 1},
    ],
    "Set the country, and remove the source": [
        {"orderItemActionType": "update_details", "order": {"country": "IE", "currency": "EUR", "source": None}}
    ],
    "Set details, and leave the lines alone": [{"orderItemActionType": "update_details", "order": _ALL_DETAILS}],
    "Accept a changed price": [
        {
            "orderItemActionType": "expect_price",
            "id": ITEM_ID,
            "expectedPrice": {"amount": "12.00", "currency": "GBP", "interval": None},
        }
    ],
    "Change a quantity at a known price": [
        {
            "orderItemActionType": "change_quantity",
            "id": ITEM_ID,
            "quantity": 3,
            "expectedPrice": {"amount": "12.00", "currency": "GBP"},
        }
    ],
}
_UPDATE_REQUESTS = {title: {"orderItemActions": actions} for title, actions in _ACTIONS.items()}
_CANCEL_REQUEST = {"reason": {"code": "customer_left", "text": "The customer chose another offer."}}
_PROMISE_KEYS = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
        }
    ]
}


def _named(bodies: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bodies as OpenAPI's examples, by their titles."""
    return {
        "-".join(title.lower().replace(",", "").replace(":", "").split()): {"summary": title, "value": body}
        for title, body in bodies.items()
    }


REQUESTS = {
    "initiate": _named(
        {
            "Create a basket": _INITIATE_REQUEST,
            "A gift with an add-on, as clients of Limio send it": _LIMIO_REQUEST,
            "Change details, and leave the lines alone": _DETAILS_REQUEST,
        }
    ),
    "update": _named(_UPDATE_REQUESTS),
    "cancel": _named({"Cancel a basket": _CANCEL_REQUEST}),
}
"""The bodies of each call that takes one."""


def _basket() -> Basket:
    details = BasketDetails(external_id="EXT-ORD-12345", country="GB", currency="GBP", source="shop")
    basket = Basket.initiate(
        id=BASKET_ID, partner="shop", details=details, now=_NOW, expires_at=_NOW + timedelta(days=14)
    )
    products = (Product(product_code="SKU-1", path="/products/sku-1"),)
    offer = LineOffer(id="o-1", version="v-1", name="Weekly paper", path="/offers/weekly", products=products)
    price = Price(amount=Decimal("10.00"), currency="GBP")
    basket.add_item(OrderItem(id=ITEM_ID, type="offer", quantity=3, offer=offer, price=price), _NOW)
    return basket


def _validated() -> Validated:
    validated = _basket()
    finding = Finding(
        code="product_insufficient_stock",
        severity="error",
        resolution="change_basket",
        message="SKU-1 is available 2 times, and 3 are asked for",
        path="$.orderItems[0].offer.products[0]",
        order_item_id=ITEM_ID,
        offer_id="o-1",
        product_code="SKU-1",
        data={"available": 2, "requested": 3},
    )
    warning = Finding(
        code="price_expires_soon",
        severity="warning",
        resolution="change_basket",
        message="the price of the offer o-1@v-1 ends at 2026-11-24T00:00:00Z",
        path="$.orderItems[0].price",
        order_item_id=ITEM_ID,
        offer_id="o-1",
        data={
            "currentPrice": {"amount": "10.00", "currency": "GBP"},
            "nextPrice": None,
            "validFrom": None,
            "validUntil": "2026-11-24T00:00:00Z",
        },
    )
    verdict = Verdict(
        blocked_products=(finding,),
        validation_errors=(warning,),
        evidence=("offer/o-1/v-1#1", "price/o-1/v-1/*/GBP/*#1", "availability/SKU-1/*/*#4"),
    )
    remedy = Remedy(
        order_item_actions=(LineQuantityChange(id=ITEM_ID, quantity=2),),
        leads_to=LeadsTo(
            ready=True,
            total=OrderTotal(amount=Decimal("20.00"), currency="GBP"),
            remaining=("price_expires_soon", "product_low_stock"),
        ),
    )
    basket = validated.fork()
    basket.record_verdict(verdict, _NOW, remedy=remedy)
    return Validated(validated, basket, verdict, remedy=remedy)


def _cancelled() -> Cancelled:
    basket = _basket()
    basket.cancel("customer_left", None, _NOW + timedelta(minutes=5))
    return Cancelled(basket)


def success_examples() -> dict[str, Any]:
    """The body of each call's success."""
    changed = ActionResult(0, "change_quantity", "applied", ITEM_ID, 1, 3)
    details_set = ActionResult(1, "update_details", "applied", None, None, None)
    updated = Updated(_basket(), (changed, details_set))
    bodies = {
        "initiate": render_body(Initiated(_basket(), created=True)),
        "update": render_body(updated),
        "validate": render_body(_validated()),
        "cancel": render_body(_cancelled()),
        "order": order_body(_basket()),
        "baskets": list_body(ListedBaskets((_basket(),), CURSOR)),
    }
    return {**{call: json.loads(body) for call, body in bodies.items()}, "promise_keys": _PROMISE_KEYS}


def examples_with_findings() -> dict[str, Any]:
    """The body of each call's success with `include=findings`."""
    validated, basket = _validated(), _basket()
    assessment = Assessment(validated.verdict, validated.remedy)
    changed = ActionResult(0, "change_quantity", "applied", ITEM_ID, 1, 3)
    bodies = {
        "initiate": render_body(Initiated(basket, created=True, assessment=assessment)),
        "update": render_body(Updated(basket, (changed,), assessment)),
        "order": order_body(basket, assessment),
    }
    return {call: json.loads(body) for call, body in bodies.items()}


_SAMPLES: tuple[Exception, ...] = (
    request_errors.MalformedBody("EOF while parsing a value at line 1 column 0"),
    request_errors.RepeatedMemberName(("order", "orderItems", 0, "quantity")),
    request_errors.InvalidHeader("If-Match", 'this is neither * nor a list of entity tags such as "3"'),
    request_errors.InvalidLandingState("the cookie landing_state cannot be read"),
    request_errors.NotAuthenticated("the token has expired"),
    request_errors.NotAllowed("the token lacks the scope partner", "partner"),
    request_errors.RouteNotFound(),
    request_errors.MethodNotAllowed(("POST",)),
    request_errors.BodyTooLarge(256 * 1024),
    request_errors.UnsupportedMediaType(),
    request_errors.UnsupportedContentEncoding(),
    request_errors.InvalidBasketId("a basket's id matches ^basket-[A-Za-z0-9\\-_]{32,36}$"),
    request_errors.InvalidParameters(
        (Violation(("colour",), "unknown_parameter", "this call knows no such parameter"),)
    ),
    request_errors.KeysUnavailable("away"),
    errors.BasketNotFound(BASKET_ID),
    errors.BasketFinished(BASKET_ID, "completed"),
    errors.ExternalIdInUse("EXT-ORD-12345"),
    VersionConflict(_basket()),
    errors.VersionMismatch(BASKET_ID, 4),
    errors.BasketExists(BASKET_ID, 4),
    errors.InvalidCommand(
        (Violation(("order", "orderItems", 0, "quantity"), "quantity_too_small", "a line holds at least 1"),)
    ),
    errors.KeyReused("4f8a"),
    errors.RequestInProgress("4f8a"),
    errors.StoreUnavailable("away"),
)


def problem_samples() -> dict[str, Problem]:
    """One problem of each code that a call can answer with."""
    problems = [to_problem(sample) for sample in (*_SAMPLES, RuntimeError())]
    return {problem.kind.code: problem for problem in problems}
