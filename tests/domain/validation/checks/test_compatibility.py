"""Which lines may be in one basket, and the findings on prices that end and products that run out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.basket.events import OrderItem
from tests.builders import NOW, availability, basket, line, offer, price
from tests.domain.validation.verdicts import KNOWN, TICK, codes, found, verdict

DAY = timedelta(days=1)


def facts_of(*offers: Any) -> tuple[Any, ...]:
    return (*offers, *(price(f"{each.id}@{each.version}") for each in offers))


PARENT, OTHER = line("line-1", "o-1"), line("line-2", "o-2")


@pytest.mark.parametrize(
    ("add_on", "add_on_to", "expected"),
    [
        (line("line-3", "a-1", parent_id="line-1"), ["o-1"], []),
        (line("line-3", "a-1", parent_id="line-1"), ["o-9", "o-1"], []),
        (line("line-3", "a-1", parent_id="line-2"), ["o-1"], ["add_on_not_allowed_here"]),
        (line("line-3", "a-1", parent_id="line-1"), [], ["add_on_not_allowed_here"]),
        (line("line-3", "a-1", parent_id="line-1"), None, ["add_on_not_allowed_here"]),
        (line("line-3", "a-1", type="add_on"), ["o-1"], ["add_on_without_parent"]),
        (line("line-3", "a-1", type="add_on"), None, ["add_on_without_parent"]),
        (line("line-3", "a-1", parent_id="line-9"), ["o-1"], ["add_on_without_parent"]),
        (line("line-3", "a-1", type="offer"), ["o-1"], ["add_on_without_parent"]),
        (line("line-3", "a-1", type="offer"), None, []),
    ],
)
def test_an_add_on_needs_a_parent_offer_that_allows_it(add_on: OrderItem, add_on_to: Any, expected: list[str]) -> None:
    facts = facts_of(offer("o-1"), offer("o-2"), offer("a-1", add_on_to=add_on_to))
    assert codes(basket(PARENT, OTHER, add_on), *facts) == expected


def test_a_misplaced_add_on_names_the_offers_that_allow_it() -> None:
    given = basket(PARENT, line("line-3", "a-1", parent_id="line-1"))
    finding = found("add_on_not_allowed_here", given, *facts_of(offer("o-1"), offer("a-1", add_on_to=["o-2"])))
    assert finding.data == {"parentOfferId": "o-1", "addOnTo": ["o-2"]}
    assert (finding.order_item_id, finding.path) == ("line-3", "$.orderItems[1].parentId")


@pytest.mark.parametrize(
    ("said_by_o_1", "said_by_o_2", "told_of"),
    [
        ([], [], None),
        (["o-9"], ["o-1x"], None),
        (["o-2"], [], ("o-1", ["o-2"])),
        ([], ["o-1"], ("o-2", ["o-1"])),
        (["o-2"], ["o-1"], ("o-1", ["o-2"])),
        (["o-1"], [], None),
    ],
)
def test_two_offers_are_incompatible_if_one_excludes_the_other(
    said_by_o_1: list[str], said_by_o_2: list[str], told_of: tuple[str, list[str]] | None
) -> None:
    facts = facts_of(offer("o-1", incompatible_with=said_by_o_1), offer("o-2", incompatible_with=said_by_o_2))
    for lines in ((PARENT, OTHER), (OTHER, PARENT)):
        judged = verdict(basket(*lines), *facts)
        told = [(finding.offer_id, finding.data["incompatibleWith"]) for finding in judged.validation_errors]
        assert told == ([told_of] if told_of else [])


def test_an_add_on_may_exclude_an_offer_elsewhere_in_the_basket() -> None:
    given = basket(PARENT, OTHER, line("line-3", "a-1", parent_id="line-1"))
    add_on = offer("a-1", add_on_to=["o-1"], incompatible_with=["o-2"])
    finding = found("offers_incompatible", given, *facts_of(offer("o-1"), offer("o-2"), add_on))
    assert (finding.offer_id, finding.path) == ("a-1", "$.orderItems[2].offer")
    assert finding.data == {"incompatibleWith": ["o-2"], "orderItemIds": ["line-3", "line-2"]}


# prices that end soon


@pytest.mark.parametrize(
    ("ends", "warned"), [(NOW + DAY, True), (NOW + DAY + TICK, False), (NOW + TICK, True), (None, False)]
)
def test_a_price_that_ends_within_a_day_is_a_warning(ends: Any, warned: bool) -> None:
    judged = verdict(basket(line("line-1")), KNOWN[0], price("o-1", valid_until=ends))
    assert [finding.code for finding in judged.validation_errors] == (["price_expires_soon"] if warned else [])
    assert judged.ready


@pytest.mark.parametrize(
    ("amount", "begins", "told"),
    [
        ("10.0", NOW + DAY, False),
        ("11.00", NOW + DAY, True),
        ("10.00", NOW + DAY + TICK, True),
        ("10.00", None, False),
    ],
)
def test_a_price_that_continues_unchanged_does_not_expire(amount: str, begins: Any, told: bool) -> None:
    given = basket(line("line-1"))
    ends = price("o-1", valid_from=NOW - DAY, valid_until=NOW + DAY, sequence=2)
    facts = (KNOWN[0], ends, price("o-1", amount, valid_from=begins))
    assert codes(given, *facts) == (["price_expires_soon"] if told else [])


def test_a_price_that_ends_soon_names_the_next_one() -> None:
    next_one = price("o-1", "11.00", valid_from=NOW + DAY)
    facts = (KNOWN[0], price("o-1", valid_until=NOW + DAY), next_one)
    assert found("price_expires_soon", basket(line("line-1")), *facts).data == {
        "currentPrice": {"amount": "10.00", "currency": "GBP"},
        "nextPrice": {"amount": "11.00", "currency": "GBP"},
        "validFrom": None,
        "validUntil": "2026-11-24T12:00:00Z",
    }
    assert next_one.fact_id in verdict(basket(line("line-1")), *facts).evidence


# products that run out


@pytest.mark.parametrize(
    ("status", "quantity", "requested", "expected"),
    [
        ("available", 5, 1, []),
        ("available", 4, 1, ["product_low_stock"]),
        ("available", 4, 4, ["product_low_stock"]),
        ("available", 4, 5, ["product_insufficient_stock"]),
        ("available", 0, 1, ["product_out_of_stock"]),
        ("out_of_stock", 4, 1, ["product_out_of_stock"]),
        ("blocked", 4, 1, ["product_blocked"]),
        ("discontinued", None, 1, ["product_discontinued"]),
        ("discontinued", 0, 1, ["product_discontinued"]),
        ("discontinued", 3, 9, ["product_discontinued"]),
    ],
)
def test_each_product_has_one_finding(status: str, quantity: int | None, requested: int, expected: list[str]) -> None:
    facts = (*KNOWN[:2], availability("SKU-1", status=status, quantity=quantity))
    assert codes(basket(line("line-1", quantity=requested)), *facts) == expected


def test_low_stock_is_a_warning_and_blocks_no_product() -> None:
    judged = verdict(basket(line("line-1")), *KNOWN[:2], availability("SKU-1", quantity=4))
    assert (judged.blocked_products, judged.ready) == ((), True)
    (finding,) = judged.validation_errors
    always = {"validFrom": None, "validUntil": None}
    assert finding.data == {"available": 4, "requested": 1, "orderItemIds": ["line-1"], **always}
    assert finding.product_code == "SKU-1"


def test_a_discontinued_product_names_the_reason() -> None:
    facts = (*KNOWN[:2], availability("SKU-1", status="discontinued", reason="successor SKU-2"))
    finding = found("product_discontinued", basket(line("line-1")), *facts)
    assert finding.data["reason"] == "successor SKU-2"
