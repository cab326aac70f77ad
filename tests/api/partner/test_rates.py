"""Recurring prices over HTTP: intervals of lines, totals, and what is payable."""

from __future__ import annotations

import pytest

from tests.api.service import ApiCaller, Service, actions, add, problem, wanted
from tests.builders import availability, offer, policy, price

MONTHLY = {"amount": "9.99", "currency": "GBP", "interval": "P1M"}


async def sell(service: Service, **intervals: str | None) -> None:
    """Makes an offer of each name available, at 9.99 GBP for its interval."""
    for name, interval in intervals.items():
        await service.checkout.record(offer(name), price(name, "9.99", interval=interval))
    await service.checkout.record(availability())


async def test_an_order_sums_each_interval_and_has_one_total_only_where_all_lines_share_it(
    service: Service, shop: ApiCaller
) -> None:
    await sell(service, once=None, yearly="P1Y", monthly="P1M")
    id = await shop.begin(wanted("monthly", 2), country="GB", currency="GBP")

    order = (await shop.order(id)).json()["order"]
    assert order["orderItems"][0]["price"] == MONTHLY
    assert order["totals"] == [{"amount": "19.98", "currency": "GBP", "interval": "P1M"}]
    assert order["total"] == order["payable"] == {"amount": "19.98", "currency": "GBP"}

    mixed = (await shop.update(id, actions(add("yearly"), add("once"), add("monthly")))).json()["order"]
    assert mixed["totals"] == [
        {"interval": None, "amount": "9.99", "currency": "GBP"},
        {"interval": "P1M", "amount": "29.97", "currency": "GBP"},
        {"interval": "P1Y", "amount": "9.99", "currency": "GBP"},
    ]
    assert (mixed["total"], mixed["payable"]) == (None, None)


async def test_an_empty_order_has_no_totals(shop: ApiCaller) -> None:
    order = (await shop.order(await shop.begin())).json()["order"]
    assert (order["totals"], order["total"], order["payable"]) == ([], None, None)


@pytest.mark.parametrize(
    ("amount", "currency", "payable"), [("99.5", "JPY", "100"), ("1.2345", "KWD", "1.235"), ("0.005", "GBP", "0.01")]
)
async def test_what_is_payable_is_rounded_half_up_to_the_minor_unit(
    service: Service, shop: ApiCaller, amount: str, currency: str, payable: str
) -> None:
    await service.checkout.record(offer(), price("o-1", amount, currency), availability())
    body = (await shop.validate(await shop.begin(wanted(), country="GB", currency=currency))).json()

    assert body["ready"]
    assert body["checkout"]["total"] == {"amount": amount, "currency": currency}
    assert body["checkout"]["payable"] == {"amount": payable, "currency": currency}
    assert [(each["code"], each["path"]) for each in body["validationErrors"]] == [
        ("price_not_payable", "$.orderItems[0].price"),
        ("price_not_payable", "$.totals[0]"),
    ]


async def test_a_policy_refuses_mixed_rates(service: Service, shop: ApiCaller) -> None:
    await sell(service, once=None, monthly="P1M")
    id = await shop.begin(wanted("once"), wanted("monthly"), country="GB", currency="GBP")
    assert (await shop.validate(id)).json()["ready"]

    await service.checkout.record(policy(None, checks={"mixed_rates": "error"}))
    body = (await shop.validate(id)).json()

    assert not body["ready"]
    assert [(each["code"], each["data"]) for each in body["validationErrors"]] == [
        ("mixed_rates", {"intervals": [None, "P1M"]})
    ]


async def test_an_expected_price_is_answered_as_the_caller_named_it(service: Service, shop: ApiCaller) -> None:
    await sell(service, monthly="P1M", o="P1Y")
    without, yearly = {"amount": "9.99", "currency": "GBP"}, {**MONTHLY, "interval": "P1Y"}
    await service.checkout.record(offer("once"), price("once", "9.99"))
    once = {**without, "interval": None}
    items = wanted("monthly", expectedPrice=without), wanted("once", expectedPrice=once)
    id = await shop.begin(*items, country="GB", currency="GBP")
    body = (await shop.validate(id)).json()
    assert [line["expectedPrice"] for line in body["checkout"]["orderItems"]] == [without, once]
    assert body["ready"]

    await shop.update(id, actions(add("monthly", expectedPrice=yearly)))
    body = (await shop.validate(id)).json()
    assert body["checkout"]["orderItems"][0]["expectedPrice"] == yearly
    (finding,) = body["validationErrors"]
    assert (finding["code"], finding["data"]["expectedPrice"]) == ("expected_price_differs", yearly)
    assert finding["data"]["currentPrice"] == MONTHLY


@pytest.mark.parametrize("interval", ["P0M", "PT1H", "p1m", "monthly", 1, "P1M1Y", ""])
async def test_what_is_no_interval_is_refused(shop: ApiCaller, interval: object) -> None:
    answer = await shop.update(await shop.begin(), actions(add(expectedPrice={**MONTHLY, "interval": interval})))
    assert problem(answer)[0] == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/orderItemActions/0/expectedPrice/interval"
