"""Each check from both sides of its edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from domain.basket.events import OrderItem
from domain.catalogue.facts import Fact
from domain.catalogue.policies import PolicyTerms
from domain.shared.findings import Finding
from domain.validation.check import Check
from domain.validation.checks import CHECKS
from domain.validation.context import ValidationContext
from domain.validation.validate import error_codes, validate_basket
from tests.builders import LIFETIME, NOW, SECOND, availability, basket, catalogue, line, money, offer, price, unpriced
from tests.domain.validation.verdicts import KNOWN, TICK, codes, found, verdict


def test_a_correct_basket_has_no_findings_and_is_ready() -> None:
    judged = verdict(basket(line("line-1")), *KNOWN)
    assert (judged.blocked_products, judged.validation_errors, judged.ready) == ((), (), True)


# the basket


def test_an_empty_basket_is_not_ready() -> None:
    assert codes(basket()) == ["basket_empty"]
    assert not verdict(basket()).ready


@pytest.mark.parametrize(("now", "expired"), [(LIFETIME - TICK, False), (LIFETIME, True)])
def test_a_basket_expires_at_its_expiry_and_no_earlier(now: timedelta, expired: bool) -> None:
    assert ("basket_expired" in codes(basket(line("line-1")), *KNOWN, now=NOW + now)) is expired


def test_an_expired_basket_says_since_when() -> None:
    finding = found("basket_expired", basket(line("line-1")), *KNOWN, now=NOW + LIFETIME)
    assert finding.data == {"expiresAt": "2026-12-07T12:00:00Z"}


def test_a_basket_that_an_event_expired_is_expired() -> None:
    given = basket(line("line-1"))
    given.expire(NOW + LIFETIME)
    assert codes(given, *KNOWN, now=NOW + LIFETIME) == ["basket_expired"]


# offers


def test_an_offer_that_is_not_in_the_catalogue_gets_one_finding() -> None:
    given = basket(line("line-1"), unpriced(line("line-2", "o-2", products=[])))
    finding = found("offer_unknown", given, *KNOWN)
    assert (finding.order_item_id, finding.offer_id, finding.path) == (
        "line-2",
        "o-2",
        "$.orderItems[1].offer",
    )
    assert codes(given, *KNOWN) == ["offer_unknown"]


def test_another_version_of_a_known_offer_is_unknown() -> None:
    assert codes(basket(line("line-1", "o-1@v-9")), *KNOWN) == ["offer_unknown"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("published", []), ("draft", ["offer_not_published"]), ("withdrawn", ["offer_not_published"])],
)
def test_only_published_offers_are_sold(status: str, expected: list[str]) -> None:
    facts = (offer("o-1", status=status), *KNOWN[1:])
    assert codes(basket(line("line-1")), *facts) == expected


@pytest.mark.parametrize(
    ("version", "status", "sequence", "superseded"),
    [
        ("v-2", "published", 6, True),
        ("v-2", "published", 5, False),
        ("v-2", "published", 4, False),
        ("v-2", "draft", 6, False),
        ("v-2", "withdrawn", 6, False),
        ("v-1", "published", 6, False),
    ],
)
def test_an_offer_is_superseded_by_a_newer_published_version(
    version: str, status: str, sequence: int, superseded: bool
) -> None:
    newer = offer(f"o-1@{version}", status=status, sequence=sequence)
    facts = (offer("o-1@v-1", sequence=5), newer, *KNOWN[1:])
    assert codes(basket(line("line-1")), *facts) == (["offer_version_superseded"] if superseded else [])


def test_a_superseded_offer_names_the_newest_version() -> None:
    facts = (offer("o-1@v-3", sequence=9), offer("o-1@v-2", sequence=8), *KNOWN)
    finding = found("offer_version_superseded", basket(line("line-1")), *facts)
    assert finding.data == {"offerVersion": "v-1", "currentVersion": "v-3"}


# prices


def test_a_known_offer_without_a_price_is_a_missing_price() -> None:
    finding = found("price_missing", basket(unpriced(line("line-1"))), KNOWN[0], KNOWN[2])
    assert finding.data == {"country": "GB", "currency": "GBP", "currencies": [], "validFrom": None}
    assert finding.path == "$.orderItems[0].price"


@pytest.mark.parametrize(
    "elsewhere",
    [
        price("o-1", currency="EUR"),
        price("o-1", country="DE"),
        price("o-1@v-2"),
        price("o-2"),
    ],
    ids=["currency", "country", "version", "offer"],
)
def test_a_price_for_something_else_is_no_price(elsewhere: Fact) -> None:
    assert codes(basket(line("line-1")), KNOWN[0], KNOWN[2], elsewhere) == ["price_missing"]


def test_a_price_that_begins_later_is_missing_until_then() -> None:
    begins = NOW + timedelta(hours=1)
    facts = (KNOWN[0], price("o-1", valid_from=begins))
    finding = found("price_missing", basket(line("line-1")), *facts)
    assert finding.data["validFrom"] == "2026-11-23T13:00:00Z"
    assert codes(basket(line("line-1")), *facts, now=begins - TICK) == ["price_missing"]
    assert codes(basket(line("line-1")), *facts, now=begins) == []


def test_a_price_ends_at_its_end_and_no_later() -> None:
    ends = NOW + timedelta(hours=1)
    facts = (KNOWN[0], price("o-1", valid_until=ends))
    assert codes(basket(line("line-1")), *facts, now=ends - TICK) == ["price_expires_soon"]
    assert codes(basket(line("line-1")), *facts, now=ends) == ["price_expired"]
    assert found("price_expired", basket(line("line-1")), *facts, now=ends).data == {
        "expectedPrice": {"amount": "10.00", "currency": "GBP"},
        "validFrom": None,
        "validUntil": "2026-11-23T13:00:00Z",
    }


def test_an_ended_price_that_another_one_follows_is_not_expired() -> None:
    facts = (KNOWN[0], price("o-1", valid_until=NOW), price("o-1", valid_from=NOW))
    assert codes(basket(line("line-1")), *facts) == []


@pytest.mark.parametrize(("amount", "changed"), [("10.00", False), ("10", False), ("10.0000", False), ("10.01", True)])
def test_a_price_with_another_amount_has_changed(amount: str, changed: bool) -> None:
    facts = (KNOWN[0], price("o-1", amount))
    assert codes(basket(line("line-1")), *facts) == (["price_changed"] if changed else [])


def test_a_changed_price_names_both_prices() -> None:
    facts = (KNOWN[0], price("o-1", "12.50", valid_until=NOW + SECOND))
    finding = found("price_changed", basket(line("line-1")), *facts)
    assert finding.data == {
        "expectedPrice": {"amount": "10.00", "currency": "GBP"},
        "currentPrice": {"amount": "12.50", "currency": "GBP"},
        "validFrom": None,
        "validUntil": "2026-11-23T12:00:01Z",
    }


def test_a_line_that_was_added_without_a_price_has_a_changed_price() -> None:
    finding = found("price_changed", basket(unpriced(line("line-1"))), *KNOWN)
    assert finding.data["expectedPrice"] is None


def test_a_basket_without_a_currency_has_no_price_in_several() -> None:
    given = basket(unpriced(line("line-1")), currency=None)
    facts = (KNOWN[0], price("o-1", "10.00", "GBP"), price("o-1", "12.00", "EUR"))
    finding = found("price_missing", given, *facts)
    assert finding.data["currencies"] == ["EUR", "GBP"]


# products


@pytest.mark.parametrize(
    ("status", "quantity", "expected"),
    [
        ("available", None, []),
        ("available", 5, []),
        ("available", 4, ["product_insufficient_stock"]),
        ("available", 1, ["product_insufficient_stock"]),
        ("available", 0, ["product_out_of_stock"]),
        ("available", -2, ["product_out_of_stock"]),
        ("available", -(2**63), ["product_out_of_stock"]),
        ("out_of_stock", None, ["product_out_of_stock"]),
        ("out_of_stock", 50, ["product_out_of_stock"]),
        ("blocked", None, ["product_blocked"]),
        ("blocked", 0, ["product_blocked"]),
        ("blocked", 1, ["product_blocked"]),
    ],
)
def test_a_product_has_the_finding_of_its_availability(status: str, quantity: int | None, expected: list[str]) -> None:
    facts = (*KNOWN[:2], availability("SKU-1", status=status, quantity=quantity))
    judged = verdict(basket(line("line-1", quantity=5)), *facts)
    assert [finding.code for finding in judged.blocked_products] == expected
    assert judged.validation_errors == ()


def test_a_product_without_availability_has_no_limit() -> None:
    assert codes(basket(line("line-1", quantity=9999)), *KNOWN[:2]) == []


def test_stock_is_summed_over_all_lines_that_need_the_product() -> None:
    given = basket(line("line-1", "o-1", 3), line("line-2", "o-2", 4), line("line-3", "a-1", 2, parent_id="line-1"))
    facts: tuple[Fact, ...] = (
        offer("o-1", products=["SKU-1"]),
        offer("o-2", products=["SKU-2", "SKU-1"]),
        offer("a-1", products=["SKU-1"], add_on_to=["o-1"]),
        *(price(name) for name in ("o-1", "o-2", "a-1")),
    )
    assert codes(given, *facts, availability("SKU-1", quantity=9)) == []
    finding = found("product_insufficient_stock", given, *facts, availability("SKU-1", quantity=8))
    assert finding.data == {
        "available": 8,
        "requested": 9,
        "orderItemIds": ["line-1", "line-2", "line-3"],
        "validFrom": None,
        "validUntil": None,
    }
    assert (finding.product_code, finding.order_item_id) == ("SKU-1", "line-1")
    assert finding.path == "$.orderItems[0].offer.products[0]"


def test_an_offer_that_holds_a_product_twice_needs_two_of_it() -> None:
    facts = (offer("o-1", products=["SKU-1", "SKU-1"]), KNOWN[1], availability("SKU-1", quantity=5))
    finding = found("product_insufficient_stock", basket(line("line-1", quantity=3)), *facts)
    assert (finding.data["requested"], finding.data["orderItemIds"]) == (6, ["line-1"])


def test_an_offer_needs_as_many_of_a_product_as_it_says() -> None:
    six = offer("o-1", products=["SKU-1"], each_product=6)
    twice_six = offer("o-2", products=["SKU-1", "SKU-1"], each_product=6)
    given = basket(line("line-1", "o-1", 3), line("line-2", "o-2", 1))
    facts = (six, twice_six, price("o-1"), price("o-2"))
    assert codes(given, *facts, availability("SKU-1", quantity=30)) == []
    finding = found("product_insufficient_stock", given, *facts, availability("SKU-1", quantity=29))
    assert (finding.data["available"], finding.data["requested"]) == (29, 3 * 6 + 2 * 6)
    assert finding.data["orderItemIds"] == ["line-1", "line-2"]


def test_stock_that_is_low_is_compared_with_all_that_the_basket_needs() -> None:
    facts = (offer("o-1", each_product=4), price("o-1"))
    given = basket(line("line-1"))
    assert codes(given, *facts, availability("SKU-1", quantity=4)) == ["product_low_stock"]
    assert codes(given, *facts, availability("SKU-1", quantity=3)) == ["product_insufficient_stock"]


def test_lines_stored_before_products_had_a_quantity_need_one_of_each() -> None:
    before = line("line-1", quantity=3).model_dump_json(by_alias=True).replace(',"quantity":1', "")
    given = basket(OrderItem.model_validate_json(before))
    finding = found("product_insufficient_stock", given, availability("SKU-1", quantity=2))
    assert finding.data["requested"] == 3


def test_an_unknown_offer_needs_what_its_line_keeps() -> None:
    kept = line("line-1", quantity=2)
    (product,) = kept.offer.products
    products = (product.model_copy(update={"quantity": 5}),)
    given = basket(kept.model_copy(update={"offer": kept.offer.model_copy(update={"products": products})}))
    finding = found("product_insufficient_stock", given, availability("SKU-1", quantity=9))
    assert finding.data["requested"] == 10


def test_products_are_those_of_the_offer_in_the_catalogue() -> None:
    given = basket(line("line-1", products=["SKU-OLD"]))
    facts = (
        offer("o-1", products=["SKU-NEW"]),
        KNOWN[1],
        availability("SKU-OLD", status="blocked"),
        availability("SKU-NEW", quantity=0),
    )
    finding = found("product_out_of_stock", given, *facts)
    assert (finding.product_code, finding.path) == ("SKU-NEW", "$.orderItems[0]")
    assert codes(given, *facts) == ["product_out_of_stock"]


def test_products_of_an_unknown_offer_are_those_on_the_line() -> None:
    facts = (availability("SKU-1", status="blocked", reason="recalled"),)
    given = basket(line("line-1"))
    finding = found("product_blocked", given, *facts)
    assert (finding.resolution, finding.data["reason"]) == ("contact_seller", "recalled")
    assert codes(given, *facts) == ["product_blocked", "offer_unknown"]


# all in one pass


def test_all_findings_come_in_one_pass() -> None:
    given = basket(
        line("line-1", "o-1", 200),
        line("line-2", "o-2"),
        line("line-3", "o-3", price=money("1.00")),
        line("line-4", "o-4", products=["SKU-4"]),
    )
    facts = (
        *KNOWN,
        offer("o-3", products=["SKU-3"], status="withdrawn"),
        offer("o-3@v-2", sequence=2),
        price("o-3", "2.00"),
        offer("o-4", products=["SKU-4"]),
        price("o-4", valid_until=NOW),
        availability("SKU-4", status="blocked"),
        availability("SKU-3", status="out_of_stock"),
    )
    assert codes(given, *facts, now=NOW + LIFETIME) == [
        "product_blocked",
        "product_out_of_stock",
        "product_insufficient_stock",
        "basket_expired",
        "offer_unknown",
        "offer_not_published",
        "offer_version_superseded",
        "price_changed",
        "price_expired",
    ]


# crashes


def _breaks(check: Check, context: ValidationContext) -> Iterator[Finding]:
    yield check.about_basket("found before the crash")
    raise RuntimeError("secret words")


def test_a_check_that_crashes_hides_no_other_and_blocks_the_basket() -> None:
    broken = Check("breaks", "warning", "retry", False, "nothing", _breaks)
    judged = validate_basket(basket(), catalogue(), NOW, [broken, *CHECKS])
    assert [finding.code for finding in judged.validation_errors] == [
        "breaks",
        "check_failed",
        "basket_empty",
    ]
    assert not judged.ready


def test_a_crash_names_the_check_and_not_the_message_of_the_error() -> None:
    broken = Check("breaks", "error", "retry", True, "nothing", _breaks)
    (failed,) = validate_basket(basket(line("line-1")), catalogue(*KNOWN), NOW, [broken]).validation_errors
    assert (failed.severity, failed.resolution) == ("error", "retry")
    assert failed.data == {"check": "breaks", "error": "RuntimeError"}
    assert "secret" not in failed.model_dump_json()


def test_a_crash_counts_among_the_error_codes() -> None:
    broken = Check("breaks", "warning", "retry", False, "nothing", _breaks)
    assert error_codes(basket(), catalogue(), NOW, [broken]) == {"check_failed"}
    tolerant = PolicyTerms(crashed_check_blocks=False)
    assert error_codes(basket(), catalogue(), NOW, [broken], defaults=tolerant) == set()


def test_a_warning_leaves_the_basket_ready() -> None:
    def warn(check: Check, context: ValidationContext) -> Iterator[Finding]:
        yield check.about_basket("take care")

    careful = Check("careful", "warning", "retry", False, "nothing", warn)
    judged = validate_basket(basket(), catalogue(), NOW, [careful])
    assert [finding.code for finding in judged.validation_errors] == ["careful"]
    assert judged.ready


# evidence


def test_the_evidence_names_exactly_the_facts_that_were_looked_at() -> None:
    looked_at: tuple[Any, ...] = (
        offer("o-1"),
        offer("o-1@v-2", sequence=7),
        price("o-1", sequence=3),
        availability("SKU-1", partner="acme", quantity=50),
    )
    passed_over = (
        price("o-1", sequence=2),
        price("o-1", currency="EUR"),
        price("o-1@v-2"),
        offer("o-2"),
        price("o-2"),
        availability("SKU-1"),
        availability("SKU-1", country="GB"),
        availability("SKU-2"),
    )
    judged = verdict(basket(line("line-1")), *looked_at, *passed_over)
    assert judged.evidence == (
        "availability/SKU-1/*/acme#1",
        "offer/o-1/v-1#1",
        "offer/o-1/v-2#7",
        "price/o-1/v-1/*/GBP/*#3",
    )


def test_a_verdict_on_an_ambiguous_price_names_all_prices() -> None:
    given = basket(line("line-1"), currency=None)
    judged = verdict(given, KNOWN[0], price("o-1"), price("o-1", currency="EUR"))
    assert judged.evidence == ("offer/o-1/v-1#1", "price/o-1/v-1/*/EUR/*#1", "price/o-1/v-1/*/GBP/*#1")


def test_a_verdict_on_unknown_offers_rests_on_no_facts() -> None:
    assert verdict(basket(line("line-1", products=[]))).evidence == ()
