"""Sums of prices, as the lines of a basket are summed."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import repeat
from typing import TypeVar

from domain.shared.money import EXACT_DECIMAL, Money, Price
from domain.shared.totals import Sums, add_up, line_amount

M = TypeVar("M", bound=Money)


def sum_up(lines: Iterable[Price | None], quantities: Iterable[int] = repeat(1)) -> Sums:
    """The sums of lines with these prices and quantities; None is an unpriced line."""
    return add_up(map(line_amount, lines, quantities))


def times(money: M, quantity: int) -> M:
    """So many of an amount, exactly."""
    return money.with_trusted(amount=EXACT_DECIMAL.multiply(money.amount, Decimal(quantity)))
