"""The list of checks: nothing of design.md is missing, and each says what it is for."""

from __future__ import annotations

from domain.validation.checks import CHECKS


def test_all_checks_are_there_in_the_order_of_their_findings() -> None:
    assert [check.code for check in CHECKS] == [
        "basket_empty",
        "basket_expired",
        "basket_completed",
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


def test_every_check_says_what_it_is_for_and_what_it_looks_at() -> None:
    for check in CHECKS:
        assert check.meaning.endswith("."), check.code
        assert check.looks_at


def test_only_what_may_still_be_ordered_is_a_warning() -> None:
    warnings = {check.code for check in CHECKS if check.severity == "warning"}
    assert warnings == {"price_expires_soon", "product_low_stock"}


def test_every_field_of_data_says_what_it_holds() -> None:
    for check in CHECKS:
        names = [datum.name for datum in check.data]
        assert len({*names}) == len(names)
        assert all(datum.says.endswith(".") for datum in check.data)
