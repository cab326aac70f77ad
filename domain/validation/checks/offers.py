"""Checks of each line's offer, as the catalogue says it. Of an offer that the catalogue does not know
nothing more is said than that."""

from __future__ import annotations

from collections.abc import Iterator

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, time_json


@check(
    looks_at="the offer version in the catalogue",
    data=[DataField("offerVersion", "text", "The version that the line holds.")],
    rests_on=["offers"],
    goes_through="lines",
)
def offer_unknown(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The catalogue has no such version of the offer."""
    for line in sight.lines_in_question:
        if line.offer is None:
            offer = line.item.offer
            yield check.about_line(
                line, f"the offer {offer} is not in the catalogue", ".offer", offerVersion=offer.version
            )


@check(
    looks_at="the offer version's status",
    data=[DataField("status", "text", "What the catalogue says: `draft` or `withdrawn`.")],
    rests_on=["offers"],
    goes_through="lines",
)
def offer_not_published(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Drafts and withdrawn offers are not sold."""
    for line in sight.lines_in_question:
        if line.offer is not None and line.offer.status != "published":
            yield check.about_line(
                line,
                f"the offer {line.item.offer} is {line.offer.status}",
                ".offer",
                status=line.offer.status,
            )


@check(
    looks_at="newer published versions of the offer",
    data=[
        DataField("offerVersion", "text", "The version that the line holds."),
        DataField("currentVersion", "text", "The newest published version."),
    ],
    rests_on=["offers", "successors"],
    goes_through="lines",
)
def offer_version_superseded(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """A published offer with a higher sequence and another version supersedes the older version."""
    for line in sight.lines_in_question:
        if line.successor is not None:
            yield check.about_line(
                line,
                f"version {line.successor.version} superseded the offer {line.item.offer}",
                ".offer.version",
                offerVersion=line.item.offer.version,
                currentVersion=line.successor.version,
            )


_ON_SALE = [
    DataField("onSaleFrom", "time", "From when on the offer is sold.", or_null=True),
    DataField("onSaleUntil", "time", "Until when it is sold, that moment not included.", or_null=True),
]


@check(
    looks_at="the offer's `onSaleFrom`",
    data=_ON_SALE,
    rests_on=["offers"],
    goes_through="lines",
)
def offer_not_on_sale_yet(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The sale of the offer begins later."""
    for line in sight.lines_in_question:
        starts = line.offer.on_sale_from if line.offer else None
        if line.offer is not None and starts is not None and sight.now < starts:
            yield check.about_line(
                line,
                f"the offer {line.item.offer} is on sale from {time_json(starts)}",
                ".offer",
                onSaleFrom=time_json(starts),
                onSaleUntil=time_json(line.offer.on_sale_until),
            )


@check(
    looks_at="the offer's `onSaleUntil`",
    data=_ON_SALE,
    rests_on=["offers"],
    goes_through="lines",
)
def offer_no_longer_on_sale(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The sale of the offer has ended."""
    for line in sight.lines_in_question:
        ends = line.offer.on_sale_until if line.offer else None
        if line.offer is not None and ends is not None and ends <= sight.now:
            yield check.about_line(
                line,
                f"the offer {line.item.offer} was on sale until {time_json(ends)}",
                ".offer",
                onSaleFrom=time_json(line.offer.on_sale_from),
                onSaleUntil=time_json(ends),
            )


@check(
    looks_at="the offer's countries and the basket's",
    data=[
        DataField("country", "text", "The basket's country.", or_null=True),
        DataField("countries", "texts", "Where the offer is sold."),
    ],
    rests_on=["offers"],
    goes_through="lines",
)
def offer_not_for_country(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The offer is sold in other countries than the basket's, or only in some and the basket names none."""
    country = sight.basket.details.country
    for line in sight.lines_in_question:
        countries = line.offer.countries if line.offer else None
        if countries is not None and country not in countries:
            where = f"in {country}" if country else "without a country"
            yield check.about_line(
                line,
                f"the offer {line.item.offer} is not sold {where}",
                ".offer",
                country=country,
                countries=[*countries],
            )


@check(
    looks_at="the partner organisations that the offer is for",
    resolution="contact_seller",
    data=[DataField("partner", "text", "The basket's partner organisation.")],
    rests_on=["offers"],
    goes_through="lines",
)
def offer_not_for_partner(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The offer is for other partner organisations; which ones is told to nobody."""
    partner = sight.basket.partner
    for line in sight.lines_in_question:
        partners = line.offer.partners if line.offer else None
        if partners is not None and partner not in partners:
            yield check.about_line(
                line, f"the offer {line.item.offer} is not for {partner}", ".offer", partner=partner
            )
