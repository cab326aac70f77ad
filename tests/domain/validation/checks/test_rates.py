"""Recurring prices and minor units: what checks say of intervals and of amounts that nobody can charge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.basket.events import OrderItem
from domain.catalogue.facts import Fact
from domain.catalogue.policies import Level
from domain.shared.findings import Finding
from domain.shared.money import ExpectedPrice, Price
from tests.builders import NOW, availability, basket, expected, line, money, offer, policy, price, unpriced
from tests.domain.validation.verdicts import TICK, codes, findings, found, verdict

ONCE, MONTHLY, YEARLY = money("10.00"), money("10.00", interval="P1M"), money("10.00", interval="P1Y")
SAID_ONCE = ExpectedPrice.of(ONCE)


def known(current: Price = MONTHLY, **values: Any) -> tuple[Fact, ...]:
    """The offer of a line, at this price."""
    now = price("o-1", str(current.amount), current.currency, interval=current.interval, **values)
    return (offer("o-1"), now, availability("SKU-1", quantity=100))


def at(added: Price | None, said: Price | None = None) -> OrderItem:
    priced = line("line-1", price=added) if added is not None else unpriced(line("line-1"))
    return priced.model_copy(update={"expected_price": said and expected(said)})


# price_changed and expected_price_differs


@pytest.mark.parametrize(
    ("added", "now", "changed"),
    [
        (MONTHLY, MONTHLY, False),
        (ONCE, MONTHLY, True),
        (MONTHLY, ONCE, True),
        (MONTHLY, YEARLY, True),
        (money("10", interval="P12M"), YEARLY, True),
        (money("10.0", interval="P1Y"), YEARLY, False),
    ],
)
def test_a_price_of_another_interval_is_a_changed_price(added: Price, now: Price, changed: bool) -> None:
    assert codes(basket(at(added)), *known(now)) == (["price_changed"] if changed else [])


def test_a_changed_interval_is_named_in_words_and_in_data() -> None:
    finding = found("price_changed", basket(at(ONCE)), *known(YEARLY))
    assert finding.message == "the price of the offer o-1@v-1 changed from 10.00 GBP to 10.00 GBP per year"
    assert finding.data == {
        "expectedPrice": {"amount": "10.00", "currency": "GBP"},
        "currentPrice": {"amount": "10.00", "currency": "GBP", "interval": "P1Y"},
        "validFrom": None,
        "validUntil": None,
    }


def test_no_tolerance_covers_another_interval() -> None:
    generous = policy(price_tolerance={"percent": "100", "amounts": [{"amount": "1000", "currency": "GBP"}]})
    assert codes(basket(at(money("9.00", interval="P1M"))), *known(MONTHLY), generous) == []
    assert codes(basket(at(ONCE)), *known(MONTHLY), generous) == ["price_changed"]
    assert codes(basket(at(MONTHLY, said=YEARLY)), *known(MONTHLY), generous) == ["expected_price_differs"]


@pytest.mark.parametrize(
    ("said", "added", "now", "told"),
    [
        (ONCE, MONTHLY, MONTHLY, []),
        (MONTHLY, MONTHLY, MONTHLY, []),
        (YEARLY, MONTHLY, MONTHLY, ["expected_price_differs"]),
        (MONTHLY, ONCE, ONCE, ["expected_price_differs"]),
        (SAID_ONCE, ONCE, ONCE, []),
        (SAID_ONCE, MONTHLY, MONTHLY, ["expected_price_differs"]),
        (SAID_ONCE, ONCE, MONTHLY, ["price_changed"]),
        (money("9.00"), MONTHLY, MONTHLY, ["expected_price_differs"]),
        (ONCE, MONTHLY, YEARLY, ["price_changed"]),
        (MONTHLY, MONTHLY, YEARLY, ["price_changed"]),
        (money("9.00"), money("9.00", interval="P1M"), MONTHLY, ["price_changed"]),
    ],
    ids=str,
)
def test_an_expected_price_without_an_interval_is_met_by_any(
    said: Price, added: Price, now: Price, told: list[str]
) -> None:
    assert codes(basket(at(added, said)), *known(now)) == told


@pytest.mark.parametrize(("said", "interval"), [(SAID_ONCE, {"interval": None}), (ONCE, {})], ids=["once", "any"])
def test_an_expected_price_is_reported_as_the_caller_named_it(said: Price, interval: dict[str, object]) -> None:
    given = basket(at(money("9.00", interval="P1M"), said))
    data = found("expected_price_differs", given, *known(money("12.00", interval="P1M"))).data
    assert data["expectedPrice"] == {"amount": "10.00", "currency": "GBP", **interval}


# price_expires_soon


@pytest.mark.parametrize(("following", "told"), [(MONTHLY, []), (YEARLY, ["price_expires_soon"]), (ONCE, ["price_expires_soon"])])  # fmt: skip
def test_a_price_goes_on_only_if_the_next_one_has_its_interval(following: Price, told: list[str]) -> None:
    ends = NOW + timedelta(hours=1)
    after = price("o-1", "10.00", interval=following.interval, valid_from=ends)
    given, facts = basket(at(MONTHLY)), (*known(MONTHLY, valid_until=ends), after)
    assert codes(given, *facts) == told
    if told:
        assert found("price_expires_soon", given, *facts).data["currentPrice"] == {
            "amount": "10.00",
            "currency": "GBP",
            "interval": "P1M",
        }


# total_above_maximum


def test_the_maximum_holds_for_each_interval_and_never_for_a_sum_of_them() -> None:
    lines = [
        line("line-1", price=money("20")),
        line("line-2", "o-2", 2, price=money("15", interval="P1M")),
        line("line-3", "o-3", price=money("25", interval="P1Y")),
    ]
    within, exceeded = (policy(maximum_total=[{"amount": most, "currency": "GBP"}]) for most in ("30", "24.99"))

    assert "total_above_maximum" not in codes(basket(*lines), within)

    above = [each for each in findings(basket(*lines), exceeded) if each.code == "total_above_maximum"]
    assert [(each.path, each.message) for each in above] == [
        ("$.totals[1]", "the basket comes to 30 GBP per month and may come to 24.99 GBP"),
        ("$.totals[2]", "the basket comes to 25 GBP per year and may come to 24.99 GBP"),
    ]
    assert above[0].data == {
        "total": {"amount": "30", "currency": "GBP", "interval": "P1M"},
        "maximum": {"amount": "24.99", "currency": "GBP"},
    }


def test_a_basket_of_one_interval_has_its_maximum_at_its_total() -> None:
    exceeded = policy(maximum_total=[{"amount": "9.99", "currency": "GBP"}])
    assert found("total_above_maximum", basket(at(MONTHLY)), exceeded).path == "$.total"


# mixed_rates


def mixed(*intervals: str | None) -> tuple[OrderItem, ...]:
    return tuple(line(f"line-{n}", f"o-{n}", price=money(interval=interval)) for n, interval in enumerate(intervals))


@pytest.mark.parametrize("intervals", [(), ("P1M",), ("P1M", "P1M"), (None, None)])
def test_lines_of_one_interval_are_not_mixed(intervals: tuple[str | None, ...]) -> None:
    assert "mixed_rates" not in codes(basket(*mixed(*intervals)), policy(checks={"mixed_rates": "error"}))


def test_mixed_rates_are_nothing_to_report_unless_a_policy_says_so() -> None:
    judged = verdict(basket(*mixed(None, "P1M")))
    assert "mixed_rates" not in {finding.code for finding in judged.findings}
    assert "mixed_rates" not in {code for passed in judged.passed for code in passed.codes}


@pytest.mark.parametrize("level", ["error", "warning"])
def test_a_policy_makes_mixed_rates_an_error_or_a_warning(level: Level) -> None:
    given = basket(*mixed("P1Y", None, "P1M", "P1Y"), unpriced(line("line-9", "o-9")))
    finding = found("mixed_rates", given, policy(checks={"mixed_rates": level}))
    assert (finding.severity, finding.resolution, finding.path) == (level, "change_basket", "$.orderItems")
    assert finding.message == "the lines are paid at 3 intervals: once, per month, per year"
    assert finding.data == {"intervals": [None, "P1M", "P1Y"]}


def test_a_policy_without_a_word_about_mixed_rates_leaves_them_off() -> None:
    assert "mixed_rates" not in codes(basket(*mixed(None, "P1M")), policy(checks={"price_changed": "warning"}))


# price_not_payable


@pytest.mark.parametrize(
    ("amount", "currency", "payable"),
    [
        ("9.99", "GBP", True),
        ("9.9900", "GBP", True),
        ("9.995", "GBP", False),
        ("0.0001", "GBP", False),
        ("100", "JPY", True),
        ("100.00", "JPY", True),
        ("100.5", "JPY", False),
        ("1.235", "KWD", True),
        ("1.2345", "KWD", False),
        ("1.2345", "CLF", True),
        ("1.2345", "XAU", True),
    ],
)
def test_a_price_is_payable_in_minor_units_of_its_currency(amount: str, currency: str, payable: bool) -> None:
    charged = money(amount, currency)
    given = basket(at(charged), currency=currency)
    assert codes(given, *known(charged)) == ([] if payable else ["price_not_payable"] * 2)


def unpayable(lines: list[OrderItem], *facts: Fact) -> list[Finding]:
    return [each for each in findings(basket(*lines), *facts) if each.code == "price_not_payable"]


def test_a_price_that_is_too_fine_is_a_warning_for_the_seller() -> None:
    fine = money("9.995", interval="P1M")
    of_line, of_total = unpayable([at(fine)], *known(fine))
    assert (of_line.severity, of_line.resolution, of_line.path) == (
        "warning",
        "contact_seller",
        "$.orderItems[0].price",
    )
    assert of_line.message == "the price of the offer o-1@v-1 is 9.995 GBP per month, finer than 0.01 GBP"
    assert of_line.data == {"amount": {"amount": "9.995", "currency": "GBP", "interval": "P1M"}, "minorUnit": 2}
    assert of_line.order_item_id == "line-1"
    assert of_total.message == "the basket comes to 9.995 GBP per month, finer than 0.01 GBP"
    assert (of_total.path, of_total.order_item_id, of_total.data) == ("$.totals[0]", None, of_line.data)
    assert verdict(basket(at(fine)), *known(fine)).ready


def test_a_total_of_fine_prices_may_be_payable() -> None:
    assert [each.path for each in unpayable([line("line-1", quantity=2, price=money("9.995"))])] == [
        "$.orderItems[0].price"
    ]


def test_each_total_that_is_too_fine_is_named() -> None:
    lines = [
        line("line-1", price=money("5.00")),
        line("line-2", "o-2", price=money("0.0050", interval="P1M")),
        line("line-3", "o-3", price=money("0.5", "JPY", "P1Y")),
    ]
    assert [(each.path, each.data["minorUnit"]) for each in unpayable(lines)] == [
        ("$.orderItems[1].price", 2),
        ("$.orderItems[2].price", 0),
        ("$.totals[1]", 2),
        ("$.totals[2]", 0),
    ]


def test_a_price_that_changed_in_its_interval_alone_is_seen_on_an_ordinary_line() -> None:
    ordinary = known(MONTHLY)
    later = (*ordinary[:1], price("o-1", "10.00", interval="P1Y", sequence=2), *ordinary[1:])
    assert codes(basket(at(MONTHLY)), *later, now=NOW + TICK) == ["price_changed"]
