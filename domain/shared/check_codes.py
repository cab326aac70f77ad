"""The names of the checks. They are promises: policies and callers name checks by them."""

from __future__ import annotations

from typing import Literal

CheckCode = Literal[
    "basket_empty",
    "basket_expired",
    "basket_completed",
    "too_many_lines",
    "total_above_maximum",
    "mixed_currencies",
    "offer_unknown",
    "offer_not_published",
    "offer_version_superseded",
    "offer_not_on_sale_yet",
    "offer_no_longer_on_sale",
    "offer_not_for_country",
    "offer_not_for_partner",
    "quantity_below_minimum",
    "quantity_above_maximum",
    "quantity_not_a_multiple",
    "add_on_without_parent",
    "add_on_not_allowed_here",
    "offers_incompatible",
    "price_missing",
    "price_changed",
    "expected_price_differs",
    "price_expired",
    "price_expires_soon",
    "product_blocked",
    "product_discontinued",
    "product_out_of_stock",
    "product_insufficient_stock",
    "product_low_stock",
]
