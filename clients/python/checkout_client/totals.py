"""What the lines of an order come to, as the service sums them: exactly, and never over intervals or currencies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation

from iso4217 import Currency

from checkout_client.models import answers, events

_EXACT = Context(prec=64, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=64, rounding=ROUND_HALF_UP, traps=[InvalidOperation])
_SMALLEST = {each.code: Decimal(1).scaleb(-each.exponent) for each in Currency if each.exponent is not None}
_INTERVAL_PART = re.compile(r"([0-9]+)([YMWD])")
_MICRODAYS = {"Y": 365_242_500, "M": 30_436_875, "W": 7_000_000, "D": 1_000_000}
"""The mean length of calendar units, in millionths of a day."""


@dataclass(frozen=True, slots=True)
class OrderSums:
    """`totals` has one amount for each interval and currency: once first, then by the interval's length. `total` is the
    one amount if all lines are priced and share both. `payable` is `total` rounded half up to the minor unit."""

    totals: list[answers.Price]
    total: answers.Money | None
    payable: answers.Money | None


def times(price: events.Price | None, quantity: int) -> answers.Price | None:
    """The price of so many; None for an unpriced line."""
    if price is None:
        return None
    amount = _EXACT.multiply(price.amount, Decimal(quantity))
    return answers.Price(amount=amount, currency=price.currency, interval=price.interval)


def sum_up(lines: Iterable[answers.Price | None]) -> OrderSums:
    """Sums the totals of lines; None is an unpriced one."""
    amounts: dict[tuple[str | None, str], Decimal] = {}
    is_complete = True
    for line in lines:
        if line is None:
            is_complete = False
        else:
            rate = (line.interval, line.currency)
            amounts[rate] = _EXACT.add(amounts[rate], line.amount) if rate in amounts else line.amount
    totals = [
        answers.Price(amount=amounts[interval, currency], currency=currency, interval=interval)
        for interval, currency in sorted(amounts, key=_order)
    ]
    if not is_complete or len(totals) != 1:
        return OrderSums(totals, None, None)
    total = answers.Money(amount=totals[0].amount, currency=totals[0].currency)
    return OrderSums(totals, total, _payable(total))


def _payable(total: answers.Money) -> answers.Money:
    smallest = _SMALLEST.get(total.currency)
    if smallest is None:
        return total
    return answers.Money(amount=total.amount.quantize(smallest, context=_ROUNDING), currency=total.currency)


def _order(rate: tuple[str | None, str]) -> tuple[int, str, str]:
    interval, currency = rate
    length = sum(int(count) * _MICRODAYS[unit] for count, unit in _INTERVAL_PART.findall(interval or ""))
    return length, interval or "", currency
