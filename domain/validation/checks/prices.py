"""Checks of each line's price. A line of a known offer has a current price, or an expired one, or none: each case has
its own check."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pydantic import JsonValue

from domain.catalogue.facts import PriceFact
from domain.shared.findings import Finding
from domain.shared.iso_codes import MINOR_UNITS
from domain.shared.money import Price
from domain.shared.totals import is_payable, smallest_payable
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, money_json, time_json

_check_prices = partial(check, rests_on=["prices"], scope="lines")

_EXPECTED = DataField("expectedPrice", "money", "The price at which the line was added.", or_null=True)
_CURRENT = DataField("currentPrice", "money", "The current price.")
_VALIDITY = [
    DataField("validFrom", "time", "When that price begins.", or_null=True),
    DataField("validUntil", "time", "When it ends; this moment is excluded.", or_null=True),
]


@_check_prices(
    looks_at="prices of the offer version in the basket's country and currency",
    resolution="contact_seller",
    data=[
        DataField("country", "text", "The basket's country.", or_null=True),
        DataField("currency", "text", "The basket's currency.", or_null=True),
        DataField("currencies", "texts", "The currencies to choose from, if the basket has none."),
        DataField("validFrom", "time", "When the next price begins.", or_null=True),
    ],
)
def price_missing(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """A known offer has no price in this market: it never had one, or the first begins later, or the basket has no
    currency and there are prices in several."""
    market = context.basket.market
    for line in context.lines_to_check:
        if line.offer is not None and line.price.current is None and line.price.expired is None:
            upcoming, ambiguous = line.price.upcoming, line.price.ambiguous
            currencies: list[JsonValue] = [price.currency for price in ambiguous]
            when = f" before {time_json(upcoming.valid_from)}" if upcoming else ""
            which = " without a currency" if ambiguous else ""
            yield check.about_line(
                line,
                f"the offer {line.item.offer} has no price here{when}{which}",
                ".price",
                country=market.country,
                currency=market.currency,
                currencies=currencies,
                validFrom=time_json(upcoming.valid_from) if upcoming else None,
            )


@_check_prices(
    looks_at="the line's price, the current one and the policy's tolerance",
    data=[_EXPECTED, _CURRENT, *_VALIDITY],
)
def price_changed(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The current price differs from the line's price by more than the policy tolerates, or the line has no price.
    The action `expect_price` with the current price accepts it; so does removing the line and adding it again."""
    for line in context.lines_to_check:
        current, before = line.price.current, line.item.price
        if current is None or context.policy.tolerates(before, now := current.money):
            continue
        yield check.about_line(
            line,
            f"the price of the offer {line.item.offer} changed from {before or 'no price'} to {now}",
            ".price",
            expectedPrice=money_json(before),
            currentPrice=money_json(now),
            **_validity(current),
        )


@_check_prices(
    looks_at="the price that the caller expects, the current one and the policy's tolerance",
    data=[
        DataField(
            "expectedPrice", "money", "The price that the caller expects; its interval only if the caller named it."
        ),
        _CURRENT,
        *_VALIDITY,
    ],
)
def expected_price_differs(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The current price differs by more than the policy tolerates from the price that the caller expects. There is
    no finding if that is also the line's price and `price_changed` reports it."""
    is_reported = context.policy.levels.get("price_changed", "error") in ("error", check.severity)
    for line in context.lines_to_check:
        current, expected, before = line.price.current, line.item.expected_price, line.item.price
        if current is None or expected is None:
            continue
        now = current.money
        if context.policy.tolerates(expected.with_interval_of(now), now):
            continue
        if before is not None and expected.is_met_by(before) and is_reported:
            continue
        yield check.about_line(
            line,
            f"the price of the offer {line.item.offer} is {now}, not {expected} as expected",
            ".expectedPrice",
            expectedPrice=money_json(expected),
            currentPrice=money_json(now),
            **_validity(current),
        )


@_check_prices(looks_at="the end of the price's validity", data=[_EXPECTED, *_VALIDITY])
def price_expired(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The last price in this market has ended and no other has begun."""
    for line in context.lines_to_check:
        expired = line.price.expired
        if expired is not None:
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} ended at {time_json(expired.valid_until)}",
                ".price",
                expectedPrice=money_json(line.item.price),
                **_validity(expired),
            )


@check(
    looks_at="the end of the current price's validity and the price that follows",
    severity="warning",
    data=[
        _CURRENT,
        DataField("nextPrice", "money", "The price from then on, if one is known.", or_null=True),
        *_VALIDITY,
    ],
    rests_on=["prices", "next_prices"],
    scope="lines",
)
def price_expires_soon(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The current price ends within the policy's period (24 hours by default), and the next price is not the
    same."""
    for line in context.lines_to_check:
        current, following = line.price.current, line.next_price.current
        if current is None or current.valid_until is None:
            continue
        goes_on = following is not None and following.money == current.money
        if current.valid_until - context.now <= context.policy.price_expires_within and not goes_on:
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} ends at {time_json(current.valid_until)}",
                ".price",
                currentPrice=money_json(current.money),
                nextPrice=money_json(following.money) if following else None,
                **_validity(current),
            )


@check(
    looks_at="the amounts of the line's price and of the basket's totals, and the currency's minor unit",
    severity="warning",
    resolution="contact_seller",
    data=[
        DataField("amount", "money", "The price of one, or the total, that cannot be charged as it is."),
        DataField("minorUnit", "number", "How many decimals the currency's minor unit has, by ISO 4217."),
    ],
    scope="lines",
)
def price_not_payable(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """An amount is finer than the currency's minor unit, such as 0.005 GBP or 99.5 JPY. The line's price counts, and
    each of the basket's totals. `payable` of the order is rounded."""
    found_line = False
    for line in context.lines_to_check:
        price = line.item.price
        if price is not None and not is_payable(price):
            found_line = True
            message = f"the price of the offer {line.item.offer} is {price}, finer than {smallest_payable(price)}"
            yield check.about_line(line, message, ".price", **_payability(price))
    # The sum of payable amounts is payable.
    for index, total in enumerate(context.basket.sums.totals if found_line else ()):
        if not is_payable(total):
            message = f"the basket comes to {total}, finer than {smallest_payable(total)}"
            yield check.about_basket(message, f"$.totals[{index}]", **_payability(total))


def _payability(price: Price) -> dict[str, JsonValue]:
    return {"amount": money_json(price), "minorUnit": MINOR_UNITS[price.currency]}


def _validity(price: PriceFact) -> dict[str, JsonValue]:
    return {"validFrom": time_json(price.valid_from), "validUntil": time_json(price.valid_until)}
