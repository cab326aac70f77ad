"""Money, times, durations and counts as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.operators.history.basket_json import basket_json
from domain.shared.formatting import (
    count_noun,
    format_age,
    format_date_time,
    format_duration,
    format_money,
    format_number,
    format_order_total,
    format_time,
    is_money,
)
from domain.shared.money import Price
from tests.builders import basket, line, money


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0 s"),
        (-3.0, "0 s"),
        (0.25, "250 ms"),
        (4.26, "4.3 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (4.4, "4 s"), (185, "3 min"), (7_300, "2 h"), (450_000, "5 d")]
)
def test_an_age_has_its_largest_unit(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


def test_thousands_are_separated() -> None:
    assert format_number(1_234_567) == "1\u202f234\u202f567"
    assert format_number(12.34) == "12.3"
    assert format_number(None) == "–"


def test_a_noun_is_singular_only_for_one() -> None:
    assert [count_noun(count, "event") for count in (0, 1, 2)] == ["0 events", "1 event", "2 events"]
    assert count_noun(1200, "entry", "entries") == "1,200 entries"


def test_times_are_in_utc() -> None:
    at = datetime(2026, 1, 2, 4, 4, 5, 678000, tzinfo=timezone(timedelta(hours=1)))
    assert format_date_time(at) == "2 Jan 2026, 03:04:05"
    assert format_date_time(None) == "–"
    assert format_time(at) == "2026-01-02T03:04:05Z"
    assert format_time(at, "milliseconds") == "2026-01-02T03:04:05.678Z"
    assert format_time(at.astimezone(UTC), "minutes", " ") == "2026-01-02 03:04Z"


def test_money_keeps_its_decimals() -> None:
    assert format_money({"amount": "9.90", "currency": "EUR"}) == "9.90 EUR"
    assert format_money(None) == "–"
    assert is_money({"amount": "1", "currency": "EUR"})
    assert is_money({"amount": "1", "currency": "EUR", "interval": None})
    assert not is_money({"amount": "1", "currency": "EUR", "offer": "o"})
    assert not is_money("1 EUR")


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (None, "9.90 EUR"),
        ("P1M", "9.90 EUR per month"),
        ("P1Y", "9.90 EUR per year"),
        ("P3M", "9.90 EUR per 3 months"),
        ("P1W", "9.90 EUR per week"),
        ("P28D", "9.90 EUR per 28 days"),
        ("P1Y6M", "9.90 EUR per 1 year 6 months"),
        ("P1Y1M1D", "9.90 EUR per 1 year 1 month 1 day"),
    ],
)
def test_a_price_is_followed_by_its_interval(interval: str | None, text: str) -> None:
    assert format_money({"amount": "9.90", "currency": "EUR", "interval": interval}) == text
    assert str(money("9.90", "EUR", interval)) == text


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], None),
        ([money("9.90")], "9.90 GBP"),
        ([money("9.90"), money("9.90")], "19.80 GBP"),
        ([money("9.90", interval="P1M")], "9.90 GBP per month"),
        ([money("9.90", interval="P1M"), money("5")], "5 GBP + 9.90 GBP per month"),
        ([money("9.90"), money("7", "EUR")], "7 EUR + 9.90 GBP"),
        ([money("1.2345", "KWD")], "1.2345 KWD, payable 1.235 KWD"),
        ([money("0.5", "JPY", "P1Y")], "0.5 JPY per year, payable 1 JPY"),
        ([money("9.90"), None], None),
        ([None], None),
    ],
)
def test_an_order_comes_to_its_totals_unless_a_line_is_unpriced(lines: list[Price | None], text: str | None) -> None:
    given = [line(f"line-{n}", f"o-{n}") for n, _ in enumerate(lines)]
    priced = [each.model_copy(update={"price": price}) for each, price in zip(given, lines, strict=True)]
    assert format_order_total(basket_json(basket(*priced))) == text
