"""Sums of lines, and what of them can be charged."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency
from pydantic import TypeAdapter, ValidationError

from domain.shared.money import Interval, Money, Price, interval_length
from domain.shared.totals import is_payable, payable, smallest_payable
from tests.builders import basket, line, money, unpriced
from tests.builders.sums import sum_up, times

INTERVALS = (None, "P7D", "P1W", "P1M", "P30D", "P3M", "P12M", "P1Y", "P1Y6M")
CURRENCIES = ("GBP", "JPY", "KWD")

amounts = st.decimals(0, Decimal("999999999999.9999"), places=4)
prices = st.builds(
    lambda amount, currency, interval, quantity: times(money(str(amount), currency, interval), quantity),
    amounts,
    st.sampled_from(CURRENCIES),
    st.sampled_from(INTERVALS),
    st.integers(1, 9999),
)
MINOR_UNITS = {each.code: each.exponent for each in Currency if each.exponent is not None}


@given(st.lists(st.none() | prices, max_size=20))
def test_totals_partition_the_priced_lines(lines: list[Price | None]) -> None:
    expected: dict[tuple[str | None, str], Fraction] = defaultdict(Fraction)
    for each in lines:
        if each is not None:
            expected[each.interval, each.currency] += Fraction(each.amount)

    totals = sum_up(lines).totals

    assert {(each.interval, each.currency): Fraction(each.amount) for each in totals} == expected
    assert len(totals) == len(expected)


@given(st.lists(st.none() | prices, max_size=20))
def test_a_total_is_the_only_one_of_the_totals_or_there_is_none(lines: list[Price | None]) -> None:
    sums = sum_up(lines)
    if None in lines or len(sums.totals) != 1:
        assert (sums.total, sums.payable) == (None, None)
    else:
        (only,) = sums.totals
        assert sums.total == Money.construct_trusted(amount=only.amount, currency=only.currency)
        assert sums.payable == payable(only.amount, only.currency)


@given(st.lists(prices, max_size=20), st.randoms())
def test_totals_do_not_depend_on_the_order_of_lines(lines: list[Price | None], dice: Random) -> None:
    shuffled = [*lines]
    dice.shuffle(shuffled)
    assert sum_up(shuffled) == sum_up(lines)


def test_totals_begin_with_once_then_go_by_length_then_by_currency() -> None:
    lines = [money("1", currency, interval) for interval in reversed(INTERVALS) for currency in ("USD", "EUR")]
    assert [(each.interval, each.currency) for each in sum_up(lines).totals] == [
        (interval, currency)
        for interval in (None, "P1W", "P7D", "P30D", "P1M", "P3M", "P12M", "P1Y", "P1Y6M")
        for currency in ("EUR", "USD")
    ]


def test_monthly_and_yearly_are_never_added_up() -> None:
    sums = basket(
        line("line-1", quantity=2, price=money("9.99", interval="P1M")),
        line("line-2", "o-2", price=money("99", interval="P1Y")),
        line("line-3", "o-3", price=money("5")),
        line("line-4", "o-4", price=money("1", interval="P1M")),
    ).sums
    assert [str(each) for each in sums.totals] == ["5 GBP", "20.98 GBP per month", "99 GBP per year"]
    assert (sums.total, sums.payable) == (None, None)


def test_an_unpriced_line_leaves_the_totals_of_the_others() -> None:
    sums = basket(line("line-1", price=money("9.99", interval="P1M")), unpriced(line("line-2", "o-2"))).sums
    assert [str(each) for each in sums.totals] == ["9.99 GBP per month"]
    assert (sums.total, sums.payable) == (None, None)


def test_an_empty_basket_has_no_totals() -> None:
    sums = basket().sums
    assert (sums.totals, sums.total, sums.payable) == ((), None, None)


# what can be charged


@given(amounts.map(lambda amount: times(money(str(amount)), 7).amount), st.sampled_from(sorted(MINOR_UNITS)))
def test_what_is_payable_is_the_nearest_amount_of_minor_units_and_half_of_one_goes_up(
    amount: Decimal, currency: str
) -> None:
    total = Money(amount=Decimal(1), currency=currency).model_copy(update={"amount": amount})
    unit = Fraction(1, 10 ** MINOR_UNITS[currency])

    charged = Fraction(payable(amount, currency))

    assert charged % unit == 0
    assert -unit / 2 < charged - Fraction(amount) <= unit / 2
    assert is_payable(total) is (Fraction(amount) % unit == 0) is (charged == Fraction(amount))


@pytest.mark.parametrize("currency", sorted(MINOR_UNITS))
def test_half_a_minor_unit_goes_up_in_every_currency(currency: str) -> None:
    decimals = MINOR_UNITS[currency]
    unit = Decimal(10) ** -decimals
    for whole in (0, 1, 2):
        half = Money(amount=Decimal(0), currency=currency).model_copy(
            update={"amount": (whole + Decimal("0.5")) * unit}
        )
        charged = payable(half.amount, currency)
        assert charged == (whole + 1) * unit
        assert -charged.as_tuple().exponent == decimals  # type: ignore[operator]
    assert smallest_payable(half).amount == unit


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("99.5", "JPY", "100"),
        ("99.4999", "JPY", "99"),
        ("1.2345", "KWD", "1.235"),
        ("1.2", "KWD", "1.200"),
        ("0.0050", "GBP", "0.01"),
        ("0.0049", "GBP", "0.00"),
        ("10", "GBP", "10.00"),
        ("1.23456", "CLF", "1.2346"),
    ],
)
def test_amounts_are_rounded_to_the_minor_unit_of_their_currency(amount: str, currency: str, expected: str) -> None:
    assert str(payable(Decimal(amount), currency)) == expected


@pytest.mark.parametrize("currency", ["XAU", "XDR", "ZZZ"])
def test_an_amount_of_a_currency_without_minor_unit_is_payable_as_it_is(currency: str) -> None:
    given = money("1.2345", currency)
    assert (payable(given.amount, currency), is_payable(given)) == (given.amount, True)


def test_the_largest_total_is_rounded_exactly() -> None:
    most = times(money("999999999999.9999"), 10**9)
    sums = sum_up([most] * 500)
    assert sums.payable == Decimal("499999999999999950000000.00")


# intervals


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P7D", "P2W", "P18M", "P1Y6M", "P1Y15D", "P1Y2M3D", "P999D"])
def test_an_interval_is_a_duration_of_whole_calendar_units(text: str) -> None:
    assert TypeAdapter(Interval).validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "P0M",
        "P01M",
        "P1000D",
        "P1.5M",
        "PT1H",
        "P1DT1H",
        "P1M1Y",
        "P1W1D",
        "p1m",
        "P1M\n",
        "-P1M",
        "1M",
        "P١M",
    ],
)
def test_anything_else_is_no_interval(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Interval).validate_python(text)


def test_intervals_have_their_mean_length_in_the_calendar() -> None:
    assert interval_length("P12M") == interval_length("P1Y")
    assert interval_length("P400Y") == 146_097 * interval_length("P1D")
    assert interval_length("P1W") == interval_length("P7D")
