"""Cases about the order: its members, its money and its times."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.context import CaseContext, action, add, line
from domain.shared.iso_codes import MINOR_UNITS

HEADING = "Order"
_MEMBERS = "`{id, external_id, status, version, country, currency, market, …, created, modified, expiresAt}`"
_MONEY = "Money is a decimal string with an ISO 4217 code"
_UNPRICED = "an unpriced line has `price: null` and no total is invented for it."
_TOTALS = (
    "`totals: [{interval, amount, currency}]` sums what belongs together; `total` is the one amount where all lines "
    "share one interval, else null: monthly and yearly are never added up."
)
_PAYABLE = "`payable` is what can be charged: `total` rounded half up to the currency's minor unit."
_EXPIRY = "A setting says whether `expiresAt` counts from creation (default) or from the last accepted change."

_ORDER = (
    *("id", "external_id", "status", "version", "country", "currency", "market", "source", "order_type", "tracking"),
    *("customFields", "customerDetails", "billingDetails", "deliveryDetails", "orderItems", "totals", "total"),
    *("payable", "created", "modified", "expiresAt"),
)
_ITEM = ("id", "type", "parentId", "quantity", "offer", "price", "expectedPrice", "lineTotal")
_OFFER = ("id", "version", "name", "path", "products")
_TOLERANCE_SECONDS = 5.0


@case("order.members", "The order has every member of the contract", heading=HEADING, line=_MEMBERS)
async def the_order_has_every_member(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    item = order["orderItems"][0]
    for what, value, names in (("order", order, _ORDER), ("item", item, _ITEM), ("offer", item["offer"], _OFFER)):
        missing = [name for name in names if name not in value]
        answer.expect(not missing, f"every member of the {what}", f"no {', '.join(missing)}")
    answer.expect_equal([order["id"], order["status"]], [basket_id, "open"], "`id` and `status`")


@case("order.version", "Every change makes a later version", heading=HEADING, line=_MEMBERS)
async def every_change_makes_a_version(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    for number in range(3):
        answer = (await context.update(basket_id, add(f"o-2{number}"))).expect_status(200)
        answer.expect(answer.version > version, f"a version after {version}", f"version {answer.version}")
        version = answer.version


@case(
    "order.unpriced",
    "A line without a price has none, and then the order has no total",
    heading=HEADING,
    line=_UNPRICED,
)
async def no_total_is_invented(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.name("unknown"), 2))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    item = order["orderItems"][0]
    answer.expect_equal([item["price"], item["lineTotal"]], [None, None], "price and lineTotal of the line")
    answer.expect_equal([order["total"], order["payable"]], [None, None], "total and payable of the order")


@case(
    "order.money",
    "Prices, line totals and totals are decimal strings with a currency",
    heading=HEADING,
    line=_MONEY,
    needs=(Need.OFFER,),
)
async def money_is_text(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.offers.sellable[0], 3))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    item = order["orderItems"][0]
    for what, money in (("price", item["price"]), ("lineTotal", item["lineTotal"]), ("total", order["total"])):
        _expect_money(context, answer, what, money)
    once, three = Decimal(item["price"]["amount"]), Decimal(item["lineTotal"]["amount"])
    answer.expect(three == 3 * once, f"`lineTotal` of 3 × {once}", f"{three}")


def _expect_money(context: CaseContext, answer: CallAnswer, what: str, money: Any) -> None:
    amount = money["amount"] if isinstance(money, dict) else None
    is_text = isinstance(amount, str) and amount.replace(".", "", 1).isdecimal()
    answer.expect(is_text, f"a decimal string as `amount` of `{what}`", repr(amount))
    answer.expect_equal(money["currency"], context.options.currency, f"`currency` of `{what}`")


@case(
    "order.totals",
    "totals sums the lines by interval and currency",
    heading=HEADING,
    line=_TOTALS,
    needs=(Need.TWO_OFFERS,),
)
async def totals_sum_what_belongs_together(context: CaseContext) -> None:
    first, second = context.offers.sellable[:2]
    basket_id = await context.begin(line(first, 2), line(second, 3))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    sums: dict[tuple[str | None, str], Decimal] = defaultdict(Decimal)
    for item in order["orderItems"]:
        sums[item["price"]["interval"], item["price"]["currency"]] += Decimal(item["lineTotal"]["amount"])
    told = {(total["interval"], total["currency"]): Decimal(total["amount"]) for total in order["totals"]}
    answer.expect(told == sums, f"`totals` that say {_shown(sums)}", _shown(told))
    total = None if order["total"] is None else Decimal(order["total"]["amount"])
    wanted = next(iter(sums.values())) if len(sums) == 1 else None
    answer.expect(total == wanted, f"a `total` of {wanted}", str(total))


def _shown(sums: dict[tuple[str | None, str], Decimal]) -> str:
    return ", ".join(f"{amount} {currency} {interval or 'once'}" for (interval, currency), amount in sums.items())


@case(
    "order.intervals",
    "Monthly and yearly prices are never added up",
    heading=HEADING,
    line=_TOTALS,
    needs=(Need.CATALOGUE,),
)
async def intervals_are_never_added_up(context: CaseContext) -> None:
    own = context.own_catalogue
    basket_id = await context.begin(line(own.monthly, 2), line(own.yearly))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    told = sorted((total["interval"], Decimal(total["amount"])) for total in order["totals"])
    answer.expect(
        told == [("P1M", Decimal(10)), ("P1Y", Decimal(50))], "totals of 10 a month and 50 a year", str(order["totals"])
    )
    answer.expect_equal([order["total"], order["payable"]], [None, None], "total and payable")
    answer = (await context.update(basket_id, action("remove", id=order["orderItems"][1]["id"]))).expect_status(200)
    total = answer.json["order"]["total"]
    answer.expect(total is not None and Decimal(total["amount"]) == 10, "a total of 10 for one interval", str(total))


@case(
    "order.payable",
    "payable is the total, rounded half up to the minor unit",
    heading=HEADING,
    line=_PAYABLE,
    needs=(Need.CATALOGUE,),
)
async def payable_is_rounded_half_up(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.own_catalogue.fraction))
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    total, payable = Decimal(order["total"]["amount"]), Decimal(order["payable"]["amount"])
    answer.expect(total == Decimal("1.005"), "a total of 1.005", str(total))
    unit = Decimal(1).scaleb(-MINOR_UNITS[context.options.currency])
    wanted = total.quantize(unit, ROUND_HALF_UP)
    answer.expect(payable == wanted, f"`payable` of {wanted}", str(payable))


@case(
    "order.times", "created, modified and expiresAt are RFC 3339 times in their order", heading=HEADING, line=_MEMBERS
)
async def times_are_in_order(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.update(basket_id, add("o-2"))).expect_status(200)
    created, modified, expires = (_time(answer, name) for name in ("created", "modified", "expiresAt"))
    answer.expect(created <= modified < expires, "created ≤ modified < expiresAt", f"{created}, {modified}, {expires}")


@case("order.expiry", "expiresAt counts from creation or from the last change", heading=HEADING, line=_EXPIRY)
async def expiry_counts_from_creation_or_change(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    before = (await context.get(basket_id)).expect_status(200)
    created, first = _time(before, "created"), _time(before, "expiresAt")
    after = (await context.update(basket_id, add("o-2"))).expect_status(200)
    modified, second = _time(after, "modified"), _time(after, "expiresAt")
    by_activity = abs(((second - modified) - (first - created)).total_seconds()) <= _TOLERANCE_SECONDS
    after.expect(second == first or by_activity, f"{first}, or as long after the change", str(second))


def _time(answer: CallAnswer, name: str) -> datetime:
    said = answer.json["order"][name]
    try:
        time = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        raise answer.deviation(f"an RFC 3339 time as `{name}`", repr(said)) from None
    answer.expect(time.tzinfo is not None, f"a time with an offset as `{name}`", said)
    return time
