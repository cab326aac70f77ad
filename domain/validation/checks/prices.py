"""Checks of each line's price. Each line of a known offer has a current price, or an ended one, or misses
one: at most one of the three is told."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, money_json, time_json

_EXPECTED = DataField("expectedPrice", "money", "The price that the line was added at.", or_null=True)
_CURRENT = DataField("currentPrice", "money", "The price that holds.")
_VALID_FROM = DataField("validFrom", "time", "From when on that price holds.", or_null=True)
_VALID_UNTIL = DataField("validUntil", "time", "Until when it holds, that moment not included.", or_null=True)


@check(
    looks_at="prices of the offer version in the basket's country and currency",
    resolution="contact_seller",
    data=[
        DataField("country", "text", "The basket's country.", or_null=True),
        DataField("currency", "text", "The basket's currency.", or_null=True),
        DataField("currencies", "texts", "The currencies to choose from, where the basket names none."),
        DataField("validFrom", "time", "When the next price begins.", or_null=True),
    ],
    rests_on=["prices"],
    goes_through="lines",
)
def price_missing(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """A known offer has no price in this market: none was ever said, or it begins later, or the basket
    names no currency and there are prices in several."""
    for line in sight.lines_in_question:
        if line.offer is not None and line.price.current is None and line.price.expired is None:
            upcoming, undecided = line.price.upcoming, line.price.undecided
            currencies: list[JsonValue] = [price.currency for price in undecided]
            when = f" before {time_json(upcoming.valid_from)}" if upcoming else ""
            which = " without a currency" if undecided else ""
            yield check.about_line(
                line,
                f"the offer {line.item.offer} has no price here{when}{which}",
                ".price",
                country=sight.basket.details.country,
                currency=sight.basket.details.currency,
                currencies=currencies,
                validFrom=time_json(upcoming.valid_from) if upcoming else None,
            )


@check(
    looks_at="the line's price, the current one and the policy's tolerance",
    data=[_EXPECTED, _CURRENT, _VALID_FROM, _VALID_UNTIL],
    rests_on=["prices"],
    goes_through="lines",
)
def price_changed(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The price differs, by more than the policy tolerates, from the one the line was added at (or the line
    was added without one). Removing the line and adding it again accepts the current price."""
    for line in sight.lines_in_question:
        current, before = line.price.current, line.item.price
        if current is None:
            continue
        now = current.money
        if not sight.policy.tolerates(before, now):
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} changed from {before or 'no price'} to {now}",
                ".price",
                expectedPrice=money_json(before),
                currentPrice=money_json(now),
                validFrom=time_json(current.valid_from),
                validUntil=time_json(current.valid_until),
            )


@check(
    looks_at="the price that the caller expects, the current one and the policy's tolerance",
    data=[
        DataField("expectedPrice", "money", "The price that the caller said it expects."),
        _CURRENT,
        _VALID_FROM,
        _VALID_UNTIL,
    ],
    rests_on=["prices"],
    goes_through="lines",
)
def expected_price_differs(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The current price differs, by more than the policy tolerates, from the one that the caller said it
    expects. Silent where that is also the price that the line was added at, and `price_changed` tells it."""
    told_as_gravely = sight.policy.levels.get("price_changed", "error") in ("error", check.severity)
    for line in sight.lines_in_question:
        current, expected = line.price.current, line.item.expected_price
        if current is None or expected is None or sight.policy.tolerates(expected, current.money):
            continue
        if expected == line.item.price and told_as_gravely:
            continue
        yield check.about_line(
            line,
            f"the price of the offer {line.item.offer} is {current.money}, not {expected} as expected",
            ".expectedPrice",
            expectedPrice=money_json(expected),
            currentPrice=money_json(current.money),
            validFrom=time_json(current.valid_from),
            validUntil=time_json(current.valid_until),
        )


@check(
    looks_at="the end of the price's validity",
    data=[_EXPECTED, _VALID_FROM, _VALID_UNTIL],
    rests_on=["prices"],
    goes_through="lines",
)
def price_expired(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The last price in this market has ended and no other has begun."""
    for line in sight.lines_in_question:
        expired = line.price.expired
        if expired is not None:
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} ended at {time_json(expired.valid_until)}",
                ".price",
                expectedPrice=money_json(line.item.price),
                validFrom=time_json(expired.valid_from),
                validUntil=time_json(expired.valid_until),
            )


@check(
    looks_at="the end of the current price's validity and the price that follows",
    severity="warning",
    data=[
        _CURRENT,
        DataField("nextPrice", "money", "The price that holds from then on, if one is known.", or_null=True),
        _VALID_FROM,
        _VALID_UNTIL,
    ],
    rests_on=["prices", "next_prices"],
    goes_through="lines",
)
def price_expires_soon(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The current price ends within the policy's horizon (24 hours unless said otherwise), and it does not
    go on at the same price."""
    for line in sight.lines_in_question:
        current, following = line.price.current, line.next_price.current
        if current is None or current.valid_until is None:
            continue
        goes_on = following is not None and following.money == current.money
        if current.valid_until - sight.now <= sight.policy.price_expires_within and not goes_on:
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} ends at {time_json(current.valid_until)}",
                ".price",
                currentPrice=money_json(current.money),
                nextPrice=money_json(following.money) if following else None,
                validFrom=time_json(current.valid_from),
                validUntil=time_json(current.valid_until),
            )
