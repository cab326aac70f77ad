"""Checks of each line's offer against the catalogue. An unknown offer gets only the finding `offer_unknown`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, time_json

_check_offers = partial(check, rests_on=["offers"], scope="lines")

_VERSION = DataField("offerVersion", "text", "The version on the line.")
_ON_SALE = [
    DataField("onSaleFrom", "time", "When the sale begins.", or_null=True),
    DataField("onSaleUntil", "time", "When the sale ends; this moment is excluded.", or_null=True),
]


@_check_offers(looks_at="the offer version in the catalogue", data=[_VERSION])
def offer_unknown(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The catalogue has no such version of the offer."""
    for line in context.lines_to_check:
        if line.offer is None:
            ref = line.item.offer
            message = f"the offer {ref} is not in the catalogue"
            yield check.about_line(line, message, ".offer", offerVersion=ref.version)


@_check_offers(
    looks_at="the offer version's status",
    data=[DataField("status", "text", "The status in the catalogue: `draft` or `withdrawn`.")],
)
def offer_not_published(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Drafts and withdrawn offers are not sold."""
    for line in context.lines_to_check:
        if line.offer is not None and line.offer.status != "published":
            message = f"the offer {line.item.offer} is {line.offer.status}"
            yield check.about_line(line, message, ".offer", status=line.offer.status)


@check(
    looks_at="newer published versions of the offer",
    data=[_VERSION, DataField("currentVersion", "text", "The newest published version.")],
    rests_on=["offers", "successors"],
    scope="lines",
)
def offer_version_superseded(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Another published version of the offer has a higher sequence."""
    for line in context.lines_to_check:
        if line.successor is not None:
            yield check.about_line(
                line,
                f"version {line.successor.version} superseded the offer {line.item.offer}",
                ".offer.version",
                offerVersion=line.item.offer.version,
                currentVersion=line.successor.version,
            )


@_check_offers(looks_at="the offer's `onSaleFrom`", data=_ON_SALE)
def offer_not_on_sale_yet(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The sale of the offer has not begun."""
    for line in context.lines_to_check:
        starts = line.offer.on_sale_from if line.offer else None
        if line.offer is not None and starts is not None and context.now < starts:
            yield check.about_line(
                line,
                f"the offer {line.item.offer} is on sale from {time_json(starts)}",
                ".offer",
                onSaleFrom=time_json(starts),
                onSaleUntil=time_json(line.offer.on_sale_until),
            )


@_check_offers(looks_at="the offer's `onSaleUntil`", data=_ON_SALE)
def offer_no_longer_on_sale(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The sale of the offer has ended."""
    for line in context.lines_to_check:
        ends = line.offer.on_sale_until if line.offer else None
        if line.offer is not None and ends is not None and ends <= context.now:
            yield check.about_line(
                line,
                f"the offer {line.item.offer} was on sale until {time_json(ends)}",
                ".offer",
                onSaleFrom=time_json(line.offer.on_sale_from),
                onSaleUntil=time_json(ends),
            )


@_check_offers(
    looks_at="the offer's countries and the basket's",
    data=[
        DataField("country", "text", "The basket's country.", or_null=True),
        DataField("countries", "texts", "The countries in which the offer is sold."),
    ],
)
def offer_not_for_country(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The offer is not sold in the basket's country, or only in some countries and the basket has none."""
    country = context.basket.market.country
    for line in context.lines_to_check:
        countries = line.offer.countries if line.offer else None
        if countries is not None and country not in countries:
            where = f"in {country}" if country else "without a country"
            message = f"the offer {line.item.offer} is not sold {where}"
            yield check.about_line(line, message, ".offer", country=country, countries=[*countries])


@_check_offers(
    looks_at="the partner organisations that the offer is for",
    resolution="contact_seller",
    data=[DataField("partner", "text", "The basket's partner organisation.")],
)
def offer_not_for_partner(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The offer is for other partner organisations. The finding does not name them."""
    partner = context.basket.partner
    for line in context.lines_to_check:
        partners = line.offer.partners if line.offer else None
        if partners is not None and partner not in partners:
            message = f"the offer {line.item.offer} is not for {partner}"
            yield check.about_line(line, message, ".offer", partner=partner)
