"""The country of eligibility: which of a basket's details says where it is sold. It decides which prices and
availabilities hold, and where an offer may be sold."""

from __future__ import annotations

from collections.abc import Iterator

from domain.basket.events import BasketDetails, CountrySource, EligibilityCountry
from domain.shared.iso_codes import COUNTRIES


def with_market(details: BasketDetails) -> BasketDetails:
    """The details with the country of eligibility that they name: `country`, else the delivery country, else
    `tracking.purchaseCountryCode`, else the billing country."""
    market = None if details.country is not None else _first_named(details)
    return details if market == details.market else details.model_copy(update={"market": market})


def change_market(before: BasketDetails, after: BasketDetails) -> BasketDetails:
    """`after` with its country of eligibility. If no detail that names a country changed, the market stays: after an
    erasure the details no longer name the country that the basket was sold in."""
    if before.country == after.country and [*_named(before)] == [*_named(after)]:
        return after
    return with_market(after)


def _first_named(details: BasketDetails) -> EligibilityCountry | None:
    for source, value in _named(details):
        country = value.upper() if isinstance(value, str) and value.isascii() else None
        if country in COUNTRIES:
            return EligibilityCountry(country=country, source=source)
    return None


def _named(details: BasketDetails) -> Iterator[tuple[CountrySource, object]]:
    yield "deliveryDetails.country", details.delivery_details.get("country")
    yield "tracking.purchaseCountryCode", details.tracking.get("purchaseCountryCode")
    yield "billingDetails.country", details.billing_details.get("country")
