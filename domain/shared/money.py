"""Amounts of money, prices and the time between two payments."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Annotated, Self

from pydantic import Field, GetPydanticSchema, StringConstraints, WithJsonSchema
from pydantic_core import core_schema

from domain.shared.eventsourcing import Value
from domain.shared.formatting import format_interval, interval_parts
from domain.shared.values import Currency

_COUNT = "[1-9][0-9]{0,2}"
INTERVAL_PATTERN = f"^P({_COUNT}W|{_COUNT}Y({_COUNT}M)?({_COUNT}D)?|{_COUNT}M({_COUNT}D)?|{_COUNT}D)$"
Interval = Annotated[str, StringConstraints(pattern=INTERVAL_PATTERN), Field(examples=["P1M"])]
"""The time between two payments, as an ISO 8601 duration of whole calendar units: `P1M`, `P1Y`, `P7D`, `P1Y6M`.
Intervals are compared as text: `P12M` is another interval than `P1Y`."""

_MICRODAYS = {"Y": 365_242_500, "M": 30_436_875, "W": 7_000_000, "D": 1_000_000}


def interval_length(interval: Interval) -> int:
    """The mean length in the Gregorian calendar, in millionths of a day. For sorting."""
    return sum([count * _MICRODAYS[unit] for count, unit in interval_parts(interval)])


AMOUNT_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,4})?$"
SUM_PATTERN = r"^[0-9]+(\.[0-9]{1,4})?$"

EXACT_DECIMAL = Context(prec=64, traps=[Inexact, InvalidOperation])
"""For money: a result that does not fit raises, and is never rounded."""


def _decimal_text(pattern: str, rule: str) -> tuple[GetPydanticSchema, WithJsonSchema]:
    """Accepts a decimal, and text of the pattern; the error says the rule. Decimal alone accepts " 1", "1e3", "1_000"
    and digits of other scripts. One function is three times as fast as pydantic's own bounds, and most events have
    amounts."""
    matches = re.compile(pattern).fullmatch

    def read(value: object) -> Decimal:
        text = str(value) if isinstance(value, Decimal) else value
        if isinstance(text, str) and matches(text):
            return Decimal(text)
        raise ValueError(f'{rule}, such as "10.00"')

    validated = core_schema.no_info_plain_validator_function(read, serialization=core_schema.to_string_ser_schema())
    return (
        GetPydanticSchema(lambda source, handler: validated),
        WithJsonSchema({"type": "string", "pattern": pattern, "examples": ["10.00"]}),
    )


Amount = Annotated[
    Decimal, *_decimal_text(AMOUNT_PATTERN, "an amount is a decimal string with at most 12 and 4 digits")
]
"""An amount of money, a decimal string in JSON. A float would lose pennies."""

SumAmount = Annotated[Decimal, *_decimal_text(SUM_PATTERN, "a sum is a decimal string with at most 4 decimals")]
"""An amount that amounts add up to: it may have more digits than each of them."""


class Money(Value):
    """An amount in a currency. Amounts of two currencies are never added."""

    amount: Amount
    """The amount as a decimal string."""
    currency: Currency
    """The currency, ISO 4217."""

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class OrderTotal(Money):
    """What a basket comes to."""

    amount: SumAmount
    """The amount as a decimal string; it may have more digits than a price."""

    @classmethod
    def of(cls, money: Money) -> Self:
        return cls.construct_trusted(amount=money.amount, currency=money.currency)


class Price(Money):
    """An amount that is paid once or again and again. Amounts of two intervals are never added."""

    interval: Interval | None = None
    """The time between two payments, an ISO 8601 duration; null for an amount that is paid once."""

    def __str__(self) -> str:
        once = super().__str__()
        return once if self.interval is None else f"{once} per {format_interval(self.interval)}"


class ExpectedPrice(Price):
    """A price that a caller counts on. Callers need not say how often it is paid."""

    interval: Interval | None = None
    """The time between two payments, an ISO 8601 duration. Null if the amount is paid once, or if the caller did not
    say."""
    any_interval: bool = False
    """Whether the caller did not say how often the amount is paid: then any interval will do."""

    def with_interval_of(self, other: Price) -> Price:
        """This price; with the other's interval if the caller named none."""
        interval = other.interval if self.any_interval else self.interval
        return Price.construct_trusted(amount=self.amount, currency=self.currency, interval=interval)

    def is_met_by(self, price: Price) -> bool:
        """Whether the caller gets what it expects: the same amount, and the same interval unless any will do."""
        return self.with_interval_of(price) == price

    @classmethod
    def of(cls, price: Price) -> Self:
        """Exactly this price: its interval counts, also where it is paid once."""
        return cls.construct_trusted(
            amount=price.amount, currency=price.currency, interval=price.interval, any_interval=False
        )
