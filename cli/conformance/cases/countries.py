"""Cases about countries and currencies."""

from __future__ import annotations

from cli.conformance.case import case
from cli.conformance.context import CaseContext, line

HEADING = "What a partner may send (2)"
_WHICH = (
    "The country of eligibility is `order.country`, else the delivery country, else `tracking.purchaseCountryCode`, "
    "else the billing country; the order's `market` says which was used."
)
_CODES = "Countries are ISO 3166-1 alpha-2 (lower case is taken, `UK` and unknown codes are refused by name)"

_NAMING = (
    ("country", "country", "GB"),
    ("deliveryDetails.country", "deliveryDetails", {"country": "IE"}),
    ("tracking.purchaseCountryCode", "tracking", {"purchaseCountryCode": "FR"}),
    ("billingDetails.country", "billingDetails", {"country": "DE"}),
)
"""What may name the country, by precedence: its name, the detail, and the detail's value."""

_COUNTRIES = ("GB", "IE", "FR", "DE")


@case("countries.eligibility", "The first detail that names a country decides", heading=HEADING, line=_WHICH)
async def the_first_detail_decides(context: CaseContext) -> None:
    for first in range(len(_NAMING)):
        details = {detail: value for _, detail, value in _NAMING[first:]}
        begun = (await context.initiate({"orderItems": [], "external_id": context.name(), **details})).expect_status(
            200
        )
        answer = (await context.get(begun.json["id"])).expect_status(200)
        market = answer.json["order"]["market"]
        wanted = {"country": _COUNTRIES[first], "source": _NAMING[first][0]}
        answer.expect_equal({name: market[name] for name in wanted}, wanted, "`order.market`")


@case("countries.lower-case", "A country in lower case is taken", heading=HEADING, line=_CODES)
async def lower_case_is_taken(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"), country="ie")
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["market"]["country"], "IE", "`order.market.country`")


@case(
    "countries.refused", "UK and unknown codes are refused by name, wherever they stand", heading=HEADING, line=_CODES
)
async def unknown_countries_are_refused(context: CaseContext) -> None:
    for wrong in ("UK", "XQ", "GBR"):
        for details, pointer in (
            ({"country": wrong}, "/order/country"),
            ({"deliveryDetails": {"country": wrong}}, "/order/deliveryDetails/country"),
            ({"tracking": {"purchaseCountryCode": wrong}}, "/order/tracking/purchaseCountryCode"),
            ({"billingDetails": {"country": wrong}}, "/order/billingDetails/country"),
        ):
            answer = await context.initiate({"orderItems": [], **details})
            answer.expect_status(422).expect_pointers(pointer)


@case("countries.currencies", "A currency is a code of ISO 4217", heading=HEADING, line="currencies ISO 4217.")
async def unknown_currencies_are_refused(context: CaseContext) -> None:
    for wrong in ("POUND", "QQQ"):
        answer = await context.initiate({"orderItems": [], "currency": wrong})
        answer.expect_status(422).expect_pointers("/order/currency")
    basket_id = await context.begin(currency="EUR")
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["currency"], "EUR", "`order.currency`")
