"""The checks: pure, named functions of a `ValidationContext`. Findings keep the order of `CHECKS`."""

from __future__ import annotations

from domain.validation.check import Check
from domain.validation.checks import basket, compatibility, offers, prices, products, quantities

CHECKS: tuple[Check, ...] = (
    basket.basket_empty,
    basket.basket_expired,
    basket.basket_completed,
    basket.too_many_lines,
    basket.total_above_maximum,
    basket.mixed_currencies,
    offers.offer_unknown,
    offers.offer_not_published,
    offers.offer_version_superseded,
    offers.offer_not_on_sale_yet,
    offers.offer_no_longer_on_sale,
    offers.offer_not_for_country,
    offers.offer_not_for_partner,
    quantities.quantity_below_minimum,
    quantities.quantity_above_maximum,
    quantities.quantity_not_a_multiple,
    compatibility.add_on_without_parent,
    compatibility.add_on_not_allowed_here,
    compatibility.offers_incompatible,
    prices.price_missing,
    prices.price_changed,
    prices.expected_price_differs,
    prices.price_expired,
    prices.price_expires_soon,
    products.product_blocked,
    products.product_discontinued,
    products.product_out_of_stock,
    products.product_insufficient_stock,
    products.product_low_stock,
)
