"""A verdict's remedy, sent as it stands, leads to what it says; and findings without a validation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.catalogue.facts import Fact
from tests.api.service import UPDATE, ApiCaller, Service, actions, add, change, cookie_header, order, problem, wanted
from tests.builders import availability, offer, policy, price

INCLUDE = "include=findings"

KNOWN: list[Fact] = [
    offer("o-1", products=["SKU-1"], quantity={"max": 8}),
    price("o-1", "10.00"),
    offer("o-2", products=["SKU-2"]),
    price("o-2", "5.00"),
    offer("a-1", products=[], add_on_to=["o-1"]),
    price("a-1", "1.00"),
    availability("SKU-1", quantity=20),
]
LATER: list[Fact] = [
    offer("o-1@v-2", products=["SKU-1"], quantity={"max": 6}, sequence=2),
    price("o-1@v-2", "11.00"),
    price("o-2", "5.50", sequence=2),
    availability("SKU-1", quantity=3, sequence=2),
]


async def remedied(shop: ApiCaller, id: str, remedy: dict[str, Any]) -> httpx.Response:
    """The answer to the remedy, sent as it stands, on the version that it names."""
    body = actions(*remedy["orderItemActions"])
    return await shop.update(id, body, if_match=remedy["ifMatch"], prefer="handling=strict")


def leads_to(verdict: dict[str, Any]) -> dict[str, Any]:
    """What the verdict says, in a remedy's words."""
    codes = {finding["code"] for finding in (*verdict["blockedProducts"], *verdict["validationErrors"])}
    return {"ready": verdict["ready"], "total": verdict["checkout"]["total"], "remaining": sorted(codes)}


async def test_a_remedy_sent_as_it_stands_leads_to_what_it_says(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN)
    id = await shop.begin(wanted("o-1", 7), wanted("o-2", 2), wanted("x-9"), country="GB", currency="GBP")
    one, two, unknown = [line["id"] for line in await shop.items(id)]
    await service.checkout.record(*LATER)

    verdict = (await shop.validate(id)).json()
    remedy = verdict["remedy"]

    assert not verdict["ready"]
    assert remedy["ifMatch"] == f'"{verdict["basketVersion"] + 1}"'
    assert remedy["orderItemActions"] == [
        {"orderItemActionType": "remove", "id": unknown},
        {"orderItemActionType": "swap", "id": one, "offer": {"id": "o-1", "version": "v-2"}, "quantity": 3},
        {
            "orderItemActionType": "expect_price",
            "id": two,
            "expectedPrice": {"amount": "5.50", "currency": "GBP", "interval": None},
        },
    ]
    assert remedy["leadsTo"] == {
        "ready": True,
        "total": {"amount": "44.00", "currency": "GBP"},
        "remaining": ["product_low_stock"],
    }
    assert (await remedied(shop, id, remedy)).status_code == 200
    after = (await shop.validate(id)).json()
    assert leads_to(after) == remedy["leadsTo"]
    assert after["remedy"] is None


async def test_a_remedy_for_another_version_is_refused(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN)
    id = await shop.begin(wanted("o-1", 9), currency="GBP")
    remedy = (await shop.validate(id)).json()["remedy"]
    await shop.update(id, actions(add("o-2")))
    assert problem(await remedied(shop, id, remedy)) == (412, "version_mismatch")


async def test_there_is_no_remedy_where_only_the_seller_can_help_or_nothing_is_an_error(
    service: Service, shop: ApiCaller
) -> None:
    await service.checkout.record(*KNOWN, availability("SKU-2", status="blocked"))
    for items, ready in (([wanted("o-2")], False), ([wanted("o-1", 2)], True), ([], False)):
        verdict = (await shop.validate(await shop.begin(*items, currency="GBP"))).json()
        assert (verdict["ready"], verdict["remedy"]) == (ready, None)


async def test_a_remedy_has_no_more_actions_than_an_update_takes(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(price("o-1"))
    id = await shop.begin(*(wanted(f"x-{number}") for number in range(260)), currency="GBP")
    remedy = (await shop.validate(id)).json()["remedy"]
    assert len(remedy["orderItemActions"]) == 200
    assert remedy["leadsTo"] == {"ready": False, "total": None, "remaining": ["offer_unknown"]}
    assert (await remedied(shop, id, remedy)).status_code == 200
    second = (await shop.validate(id)).json()["remedy"]
    assert len(second["orderItemActions"]) == 60
    assert second["leadsTo"]["remaining"] == ["basket_empty"]


async def test_findings_are_included_on_every_call_that_answers_a_basket(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN)
    begun = await shop.send("POST", f"/partner/checkout/initiate?{INCLUDE}", order(wanted("o-1", 9), currency="GBP"))
    id = begun.json()["id"]
    (line,) = await shop.items(id)

    assert begun.headers["etag"] == '"2"'
    found = begun.json()["findings"]
    assert [each["code"] for each in found["validationErrors"]] == ["quantity_above_maximum"]
    assert found["ready"] is False
    assert found["remedy"] == {
        "ifMatch": '"2"',
        "orderItemActions": [change(line["id"], 8)],
        "leadsTo": {"ready": True, "total": {"amount": "80.00", "currency": "GBP"}, "remaining": []},
    }
    got = await shop.send("GET", f"/partner/checkout/{id}?{INCLUDE}")
    assert got.json()["findings"] == found

    updated = await shop.send(
        "PUT", f"{UPDATE}?{INCLUDE}", actions(*found["remedy"]["orderItemActions"]), cookie_header(id)
    )

    assert updated.json()["findings"] == {
        "ready": True,
        "blockedProducts": [],
        "validationErrors": [],
        "remedy": None,
    }
    assert updated.headers["etag"] == '"3"'


async def test_a_validation_after_findings_says_what_passed_and_what_it_rests_on(
    service: Service, shop: ApiCaller
) -> None:
    await service.checkout.record(*KNOWN)
    id = await shop.begin(wanted("o-1", 9), country="GB", currency="GBP")
    path = f"/partner/checkout/{id}?{INCLUDE}"
    found = (await shop.send("GET", path)).json()["findings"]
    verdict = (await shop.validate(id)).json()
    assert verdict["passed"]
    assert verdict["evidence"]
    for member in ("ready", "blockedProducts", "validationErrors"):
        assert verdict[member] == found[member]
    assert verdict["remedy"]["orderItemActions"] == found["remedy"]["orderItemActions"]


async def test_including_findings_records_nothing(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN)
    id = await shop.begin(wanted("o-1", 9), currency="GBP")
    before = await service.checkout.history(id)
    await shop.send("GET", f"/partner/checkout/{id}?{INCLUDE}")
    assert await service.checkout.history(id) == before


async def test_findings_are_never_hidden_behind_a_304(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN)
    id = await shop.begin(wanted("o-1", 3), currency="GBP")
    path, unmatched = f"/partner/checkout/{id}?{INCLUDE}", {"if-none-match": '"2"'}
    assert (await shop.order(id, if_none_match='"2"')).status_code == 304
    assert (await shop.send("GET", path, None, unmatched)).json()["findings"]["ready"] is True

    await service.checkout.record(availability("SKU-1", quantity=2, sequence=2))

    again = await shop.send("GET", path, None, unmatched)
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')
    assert again.json()["findings"]["ready"] is False
    assert problem(await shop.send("GET", path, None, {"if-match": '"7"'})) == (412, "version_mismatch")


async def test_a_key_stands_for_a_request_with_findings_or_for_one_without(shop: ApiCaller) -> None:
    key, body = {"idempotency-key": "k-1"}, order(wanted(), currency="GBP")
    first = await shop.send("POST", f"/partner/checkout/initiate?{INCLUDE}", body, key)
    again = await shop.send("POST", f"/partner/checkout/initiate?{INCLUDE}", body, key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert problem(await shop.initiate(body, idempotency_key="k-1")) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("include=all", "/include", "not_one_of"),
        ("include=", "/include", "not_one_of"),
        ("include=findings&include=findings", "/include", "repeated_parameter"),
        ("colour=red&include=all", "/include", "not_one_of"),
        ("include=%ff", "/include", "not_one_of"),
    ],
)
async def test_another_value_or_a_second_one_is_refused(shop: ApiCaller, query: str, pointer: str, code: str) -> None:
    id = await shop.begin(wanted())
    for response in (
        await shop.send("POST", f"/partner/checkout/initiate?{query}", order()),
        await shop.send("PUT", f"{UPDATE}?{query}", actions(add()), cookie_header(id)),
        await shop.send("GET", f"/partner/checkout/{id}?{query}"),
    ):
        assert problem(response) == (422, "invalid_parameters")
        assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [(pointer, code)]
    assert (await shop.order(id)).headers["etag"] == '"2"'


async def test_a_policy_counts_for_findings_too(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(*KNOWN, policy(None, maximum_total=[{"amount": "25", "currency": "GBP"}]))
    id = await shop.begin(wanted("o-1", 2), wanted("o-2", 2), currency="GBP")
    remedy = (await shop.send("GET", f"/partner/checkout/{id}?{INCLUDE}")).json()["findings"]["remedy"]
    (_, second) = await shop.items(id)
    assert remedy["orderItemActions"] == [change(second["id"], 1)]
