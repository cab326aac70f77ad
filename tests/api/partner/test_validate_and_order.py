"""POST /partner/checkout/validate/{id} and GET /partner/checkout/{id}."""

from __future__ import annotations

import asyncio

import pytest
from jsonpath_rfc9535 import find

from tests.api.service import RIVAL, ApiCaller, Service, actions, add, order_path, problem, validate_path, wanted
from tests.builders import LIFETIME, availability, basket_id, offer, price

ORDER_FIELDS = {
    *("id", "external_id", "status", "version", "country", "currency", "source", "order_type", "tracking"),
    *("market", "customerDetails", "billingDetails", "deliveryDetails"),
    *("customFields", "dataSubject", "orderItems", "totals", "total", "payable", "created", "modified", "expiresAt"),
}


async def test_a_basket_of_available_offers_is_ready(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer(), price(), availability())
    answer = await shop.validate(await shop.begin(wanted(), country="GB", currency="GBP"))
    body = answer.json()
    assert (answer.status_code, body["ready"]) == (200, True)
    assert (body["blockedProducts"], body["validationErrors"]) == ([], [])
    assert len(body["evidence"]) == 3


async def test_a_basket_that_is_not_ready_gets_all_findings(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer(), price(), availability(status="blocked", reason="recall"))
    body = (await shop.validate(await shop.begin(wanted(), wanted("o-unheard-of")))).json()
    assert body["ready"] is False
    assert [finding["code"] for finding in body["blockedProducts"]] == ["product_blocked"]
    assert "offer_unknown" in [finding["code"] for finding in body["validationErrors"]]


async def test_an_expected_price_is_shown_and_checked(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer(), price(), offer("o-2"), price("o-2"))
    expected = {"amount": "9.90", "currency": "GBP"}
    id = await shop.begin(wanted(expectedPrice=expected), country="GB", currency="GBP")
    right = {"amount": "10.0", "currency": "GBP"}
    await shop.update(id, actions(add("o-2", expectedPrice=right)))
    body = (await shop.validate(id)).json()
    assert [line["expectedPrice"] for line in body["checkout"]["orderItems"]] == [expected, right]
    (finding,) = body["validationErrors"]
    assert (finding["code"], finding["data"]["expectedPrice"]) == ("expected_price_differs", expected)
    assert finding["data"]["currentPrice"] == {"amount": "10.00", "currency": "GBP"}


async def test_every_path_of_a_finding_leads_into_checkout(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer(), availability(quantity=1))
    body = (await shop.validate(await shop.begin(wanted(quantity=2), wanted("o-unheard-of")))).json()
    findings = body["blockedProducts"] + body["validationErrors"]
    assert findings
    assert all(find(finding["path"], body["checkout"]) for finding in findings)


async def test_the_response_has_the_validated_version_and_the_one_after_the_verdict(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    judged = (await shop.order(id)).json()["order"]
    answer = await shop.validate(id)
    body = answer.json()
    assert body["checkout"] == judged
    assert body["basketVersion"] == judged["version"]
    assert answer.headers["etag"] == f'"{judged["version"] + 1}"'
    assert (await shop.order(id)).headers["etag"] == answer.headers["etag"]


async def test_everything_acknowledged_before_is_validated(service: Service) -> None:
    processes = [
        Service(service.settings, service.checkout, handlers=service.checkout.process().handlers.real) for _ in range(2)
    ]
    writer, judge = (process.caller() for process in processes)
    id = await writer.begin()
    for number in range(5):
        await writer.update(id, actions(add(f"o-{number}")))
        judged = (await judge.validate(id)).json()["checkout"]["orderItems"]
        assert len(judged) == number + 1


async def test_concurrent_validations_all_succeed(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    answers = await asyncio.gather(*(shop.validate(id) for _ in range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["etag"] for answer in answers}) == 16


async def test_an_expired_basket_is_validated_too(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    service.checkout.clock.advance(LIFETIME)
    body = (await shop.validate(id)).json()
    assert body["ready"] is False
    assert "basket_expired" in [finding["code"] for finding in body["validationErrors"]]


async def test_a_body_is_ignored(shop: ApiCaller) -> None:
    answer = await shop.send("POST", validate_path(await shop.begin()), b"anything")
    assert answer.status_code == 200


async def test_the_order_has_the_contracts_fields_and_no_other(shop: ApiCaller) -> None:
    answer = await shop.order(await shop.begin(wanted()))
    body = answer.json()
    assert set(body) == {"id", "order"}
    assert set(body["order"]) == ORDER_FIELDS
    assert set(body["order"]["orderItems"][0]) == {
        *("id", "type", "parentId", "quantity", "offer", "price", "expectedPrice", "lineTotal")
    }
    assert answer.headers["etag"] == f'"{body["order"]["version"]}"'


async def test_asking_for_the_order_changes_nothing(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    assert (await shop.order(id)).text == (await shop.order(id)).text


async def test_head_answers_as_get_does(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    head, get = await shop.send("HEAD", order_path(id)), await shop.order(id)
    assert (head.status_code, head.headers["etag"]) == (200, get.headers["etag"])


@pytest.mark.parametrize("path", [order_path, validate_path])
async def test_another_organisations_basket_is_as_unknown_as_one_that_never_was(
    service: Service, shop: ApiCaller, path: object
) -> None:
    assert callable(path)
    id = await service.caller(RIVAL).begin()
    method = "GET" if path is order_path else "POST"
    anothers, nobodys = await shop.send(method, path(id)), await shop.send(method, path(basket_id(77)))
    assert problem(anothers) == (404, "basket_not_found")
    assert anothers.text.replace(id, "?") == nobodys.text.replace(basket_id(77), "?")


WRONG_IDS = [
    "basket-1",
    "x",
    basket_id() + "0",
    "basket-" + "é" * 32,
    basket_id() + "%0A",
    basket_id().upper(),
]


@pytest.mark.parametrize("id", WRONG_IDS)
async def test_an_invalid_id_is_rejected(shop: ApiCaller, id: str) -> None:
    assert problem(await shop.order(id)) == (422, "invalid_basket_id")
    assert problem(await shop.validate(id)) == (422, "invalid_basket_id")
