"""A basket for the examples of documents, and a verdict on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.wire.example_requests import BASKET_ID, ITEM_ID
from domain.basket.basket import Basket
from domain.basket.commands import Validated
from domain.basket.events import BasketDetails, OrderItem
from domain.shared.findings import Finding, LeadsTo, LineQuantityChange, Remedy, Verdict
from domain.shared.money import OrderTotal, Price
from domain.shared.values import LineOffer, Product

EXAMPLE_TIME = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def example_basket() -> Basket:
    details = BasketDetails(external_id="EXT-ORD-12345", country="GB", currency="GBP", source="shop")
    basket = Basket.initiate(
        id=BASKET_ID, partner="shop", details=details, now=EXAMPLE_TIME, expires_at=EXAMPLE_TIME + timedelta(days=14)
    )
    products = (Product(product_code="SKU-1", path="/products/sku-1"),)
    offer = LineOffer(id="o-1", version="v-1", name="Weekly paper", path="/offers/weekly", products=products)
    price = Price(amount=Decimal("10.00"), currency="GBP")
    basket.add_item(OrderItem(id=ITEM_ID, type="offer", quantity=3, offer=offer, price=price), EXAMPLE_TIME)
    return basket


def example_verdict() -> Validated:
    validated = example_basket()
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
    basket.record_verdict(verdict, EXAMPLE_TIME, remedy=remedy)
    return Validated(validated, basket, verdict, remedy=remedy)
