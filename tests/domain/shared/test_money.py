"""Money is exact, and an incomplete basket has no total."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from domain.basket.serialization import serialize_order
from domain.shared.money import Money
from domain.shared.values import OpenMap
from tests.builders import basket, line, money, unpriced
from tests.builders.sums import sum_up, times


def test_a_total_is_the_sum_of_all_lines() -> None:
    given = basket(line("line-1", "o-1", 3, price=money("9.99")), line("line-2", "o-2", price=money("0.0001")))
    assert str(given.total) == "29.9701 GBP"


def test_lines_in_two_currencies_have_no_total() -> None:
    given = basket(line("line-1"), line("line-2", "o-2", price=money("1.00", "EUR")))
    assert given.total is None


def test_an_unpriced_line_has_no_total_and_leaves_the_basket_none() -> None:
    given = basket(line("line-1"), unpriced(line("line-2", "o-2")))
    document = to_jsonable_python(serialize_order(given))
    assert [each["lineTotal"] for each in document["orderItems"]] == [
        {"amount": "10.00", "currency": "GBP"},
        None,
    ]
    assert (document["orderItems"][1]["price"], document["total"]) == (None, None)


def test_an_empty_basket_has_no_total() -> None:
    assert basket().total is None


def test_the_total_of_the_largest_basket_is_exact() -> None:
    most = times(money("999999999999.9999"), 10**9)
    assert str(most.amount) == "999999999999999900000.0000"
    summed = sum_up([most] * 500).total
    assert summed is not None
    assert summed.amount == Decimal("499999999999999950000000.0000")


@pytest.mark.parametrize("currency", ["gbp", "GB", "GBPX", "G1P", ""])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(1), currency=currency)


OPEN_MAP: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(OpenMap)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1e400}',
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": ["x", {"b": "\\u0000"}]}',
        "[]",
        "null",
        "7",
    ],
)
def test_values_that_cannot_be_stored_are_refused_in_an_open_map(text: str) -> None:
    with pytest.raises(ValidationError):
        OPEN_MAP.validate_json(text)


def test_half_a_surrogate_pair_is_refused_in_an_open_map() -> None:
    with pytest.raises(ValidationError):
        OPEN_MAP.validate_python({"a": ["\ud83d"]})
    assert OPEN_MAP.validate_python({"a": ["😀"]}) == {"a": ["😀"]}


@pytest.mark.parametrize(("levels", "taken"), [(30, True), (40, False)])
def test_the_depth_of_an_open_map_is_limited(levels: int, taken: bool) -> None:
    text = '{"a":' + "[" * levels + "]" * levels + "}"
    if taken:
        OPEN_MAP.validate_json(text)
    else:
        with pytest.raises(ValidationError):
            OPEN_MAP.validate_json(text)
