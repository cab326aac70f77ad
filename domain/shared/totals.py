"""What the lines of a basket come to, and what of it can be charged."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import NamedTuple

from domain.shared.iso_codes import MINOR_UNITS
from domain.shared.money import EXACT_DECIMAL, Interval, Money, Price, interval_length

_SMALLEST = {currency: Decimal(1).scaleb(-decimals) for currency, decimals in MINOR_UNITS.items()}
_ROUNDING = Context(prec=64, rounding=ROUND_HALF_UP, traps=[InvalidOperation])


Rate = tuple[Interval | None, str]
"""Interval and currency."""

LineAmount = tuple[Rate, Decimal]
"""What a line comes to."""


class Sums(NamedTuple):
    """The sums of some lines: one amount for each rate. Once comes first, then by the interval's length. Its values are
    made when they are asked for: most orders are only rendered."""

    amounts: tuple[LineAmount, ...]
    is_complete: bool
    """Whether every line is priced."""

    @property
    def totals(self) -> tuple[Price, ...]:
        """All amounts."""
        return tuple(
            [
                Price.construct_trusted(amount=amount, currency=currency, interval=interval)
                for (interval, currency), amount in self.amounts
            ]
        )

    @property
    def only_amount(self) -> tuple[Decimal, str] | None:
        """The one amount and its currency, if all lines are priced and share interval and currency."""
        if not self.is_complete or len(self.amounts) != 1:
            return None
        (_, currency), amount = self.amounts[0]
        return amount, currency

    @property
    def total(self) -> Money | None:
        """`only_amount` as money."""
        only = self.only_amount
        return None if only is None else Money.construct_trusted(amount=only[0], currency=only[1])

    @property
    def payable(self) -> Decimal | None:
        """`only_amount` as it can be charged."""
        only = self.only_amount
        return None if only is None else payable(*only)


def line_amount(price: Price | None, quantity: int) -> LineAmount | None:
    """The exact amount of so many at this price; None if there is no price. The price may be a struct, whose amount is
    text."""
    if price is None:
        return None
    return (price.interval, price.currency), EXACT_DECIMAL.multiply(Decimal(price.amount), quantity)


def add_up(lines: Iterable[LineAmount | None]) -> Sums:
    """Sums what lines come to; None is an unpriced one. Amounts of different intervals or currencies are never
    added."""
    amounts: dict[Rate, Decimal] = {}
    is_complete = True
    for line in lines:
        if line is None:
            is_complete = False
            continue
        rate, amount = line
        held = amounts.get(rate)
        amounts[rate] = amount if held is None else EXACT_DECIMAL.add(held, amount)
    ordered = amounts.items() if len(amounts) == 1 else sorted(amounts.items(), key=_order)
    return Sums(tuple(ordered), is_complete)


def payable(amount: Decimal, currency: str) -> Decimal:
    """The amount rounded half up to the currency's minor unit, with that many decimals. A currency for which ISO 4217
    has no minor unit is not rounded."""
    smallest = _SMALLEST.get(currency)
    if smallest is None or amount.same_quantum(smallest):
        return amount
    return amount.quantize(smallest, context=_ROUNDING)


def is_payable(money: Money) -> bool:
    """Whether the amount can be charged as it is: it is not finer than the currency's minor unit."""
    return payable(money.amount, money.currency) == money.amount


def smallest_payable(money: Money) -> Money:
    """One minor unit of the currency, such as 0.01 GBP. Raises KeyError if ISO 4217 has none for it."""
    return Money.construct_trusted(amount=_SMALLEST[money.currency], currency=money.currency)


def _order(entry: LineAmount) -> tuple[int, str, str]:
    (interval, currency), _ = entry
    return (0, "", currency) if interval is None else (interval_length(interval), interval, currency)
