"""Where, when, to whom and in which quantity offers are sold; each from both sides of its edge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW, availability, basket, line, offer, price, unpriced
from tests.domain.validation.verdicts import KNOWN, TICK, codes, found, verdict

HOUR = timedelta(hours=1)


def test_a_completed_basket_names_its_order() -> None:
    given = basket(line("line-1"))
    given.complete("order-7", NOW)
    finding = found("basket_completed", given, *KNOWN)
    assert (finding.path, finding.data) == ("$.status", {"orderId": "order-7"})
    assert codes(given, *KNOWN) == ["basket_completed"]


def test_a_basket_that_was_completed_in_time_does_not_expire() -> None:
    given = basket(line("line-1"))
    given.complete(None, NOW)
    assert codes(given, *KNOWN, now=given.expires_at) == ["basket_completed"]


def test_a_cancelled_basket_names_the_reason_and_does_not_expire() -> None:
    given = basket(line("line-1"))
    given.cancel("customer_left", "No more.", NOW)
    finding = found("basket_cancelled", given, *KNOWN)
    assert (finding.severity, finding.resolution) == ("error", "change_basket")
    assert (finding.path, finding.data) == ("$.status", {"reason": "customer_left"})
    assert codes(given, *KNOWN, now=given.expires_at) == ["basket_cancelled"]


def test_a_reopened_basket_is_judged_as_an_open_one() -> None:
    given = basket(line("line-1"))
    given.complete("order-7", NOW)
    given.reopen("declined", NOW, NOW + HOUR)
    assert codes(given, *KNOWN) == []
    assert codes(given, *KNOWN, now=given.expires_at) == ["basket_expired"]


@pytest.mark.parametrize(
    ("currencies", "mixed"), [(["GBP", "GBP"], False), (["GBP", "EUR"], True), (["GBP", None], False)]
)
def test_a_basket_is_priced_in_one_currency(currencies: list[str | None], mixed: bool) -> None:
    lines = [line(f"line-{n}", f"o-{n}") for n in (1, 2)]
    lines = [
        each.model_copy(
            update={"price": each.price and currency and each.price.model_copy(update={"currency": currency})}
        )
        for each, currency in zip(lines, currencies, strict=True)
    ]
    assert ("mixed_currencies" in codes(basket(*lines))) is mixed


def test_mixed_currencies_are_named_in_order() -> None:
    prices = [("line-1", "USD"), ("line-2", "EUR"), ("line-3", "USD")]
    lines = [line(id, f"o-{id}", price=price("o", currency=currency).money) for id, currency in prices]
    assert found("mixed_currencies", basket(*lines)).data == {"currencies": ["EUR", "USD"]}


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (None, None, []),
        (NOW, None, []),
        (NOW + TICK, None, ["offer_not_on_sale_yet"]),
        (None, NOW + TICK, []),
        (None, NOW, ["offer_no_longer_on_sale"]),
        (NOW - HOUR, NOW + HOUR, []),
        (NOW - HOUR, NOW - TICK, ["offer_no_longer_on_sale"]),
    ],
)
def test_an_offer_is_on_sale_from_its_start_to_just_before_its_end(starts: Any, ends: Any, expected: list[str]) -> None:
    facts = (offer("o-1", on_sale_from=starts, on_sale_until=ends), *KNOWN[1:])
    assert codes(basket(line("line-1")), *facts) == expected


def test_an_offer_that_is_not_on_sale_says_when_it_is() -> None:
    facts = (offer("o-1", on_sale_from=NOW + HOUR, on_sale_until=NOW + 2 * HOUR), *KNOWN[1:])
    assert found("offer_not_on_sale_yet", basket(line("line-1")), *facts).data == {
        "onSaleFrom": "2026-11-23T13:00:00Z",
        "onSaleUntil": "2026-11-23T14:00:00Z",
    }


@pytest.mark.parametrize(
    ("countries", "country", "sold"),
    [
        (None, "GB", True),
        (None, None, True),
        (["GB", "IE"], "GB", True),
        (["IE"], "GB", False),
        ([], "GB", False),
        (["GB"], None, False),
    ],
)
def test_an_offer_is_sold_in_its_countries(countries: Any, country: str | None, sold: bool) -> None:
    facts = (offer("o-1", countries=countries), *KNOWN[1:])
    given = basket(line("line-1"), country=country)
    assert codes(given, *facts) == ([] if sold else ["offer_not_for_country"])
    if not sold:
        finding = found("offer_not_for_country", given, *facts)
        assert finding.data == {"country": country, "countries": countries}


@pytest.mark.parametrize(
    ("partners", "sold"), [(None, True), (["acme", "globex"], True), (["globex"], False), ([], False)]
)
def test_an_offer_is_for_its_partner_organisations_and_names_no_other(partners: Any, sold: bool) -> None:
    facts = (offer("o-1", partners=partners), *KNOWN[1:])
    judged = verdict(basket(line("line-1")), *facts)
    assert [finding.code for finding in judged.validation_errors] == ([] if sold else ["offer_not_for_partner"])
    assert "globex" not in judged.model_dump_json()


@pytest.mark.parametrize(
    ("rule", "quantity", "expected"),
    [
        ({"min": 3}, 2, ["quantity_below_minimum"]),
        ({"min": 3}, 3, []),
        ({"max": 3}, 3, []),
        ({"max": 3}, 4, ["quantity_above_maximum"]),
        ({"step": 3}, 6, []),
        ({"step": 3}, 7, ["quantity_not_a_multiple"]),
        ({"min": 4, "max": 9, "step": 4}, 8, []),
        ({"min": 4, "max": 9, "step": 4}, 3, ["quantity_below_minimum", "quantity_not_a_multiple"]),
        ({"min": 4, "max": 9, "step": 4}, 10, ["quantity_above_maximum", "quantity_not_a_multiple"]),
        ({}, 9999, []),
        (None, 1, []),
    ],
)
def test_quantities_follow_the_offers_rules(rule: Any, quantity: int, expected: list[str]) -> None:
    facts = (offer("o-1", quantity=rule), price("o-1"))
    assert codes(basket(line("line-1", quantity=quantity)), *facts) == expected


def test_an_offers_quantity_is_summed_over_its_lines() -> None:
    given = basket(line("line-1", "o-1", 1), line("line-2", "a-1", 2), line("line-3", "a-1", 2, parent_id="line-1"))
    facts = (offer("o-1"), price("o-1"), price("a-1"))
    ruled = offer("a-1", quantity={"min": 4, "max": 4, "step": 4}, add_on_to=["o-1"])
    assert codes(given, *facts, ruled) == ["add_on_without_parent"]
    finding = found("quantity_above_maximum", given, *facts, offer("a-1", quantity={"max": 3}))
    assert finding.data == {"maximum": 3, "requested": 4, "orderItemIds": ["line-2", "line-3"]}
    assert (finding.order_item_id, finding.path) == ("line-2", "$.orderItems[1].quantity")


def test_quantities_of_different_versions_are_summed_separately() -> None:
    given = basket(line("line-1", "o-1@v-1", 2), line("line-2", "o-1@v-2", 2))
    rule = {"max": 2}
    facts = (offer("o-1@v-1", quantity=rule), offer("o-1@v-2", quantity=rule), price("o-1"), price("o-1@v-2"))
    assert codes(given, *facts) == []


def test_an_unknown_offer_has_no_other_finding() -> None:
    given = basket(
        line("line-1", "o-1", products=[]),
        unpriced(line("line-2", "x-1", 99, products=[])),
        line("line-3", "x-2", parent_id="line-1", products=[]),
        line("line-4", "x-3", type="add_on", products=[]),
    )
    facts = (offer("o-1", incompatible_with=["x-1"], products=[]), price("o-1"), availability("SKU-1"))
    assert codes(given, *facts) == ["offer_unknown"] * 3
