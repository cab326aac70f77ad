"""GET /partner/checkout: the organisation's own baskets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest

from tests.api.service import LIST, SHOP, ApiCaller, Service, actions, add, errors, problem, wanted
from tests.builders import LIFETIME, NOW, availability, caller, offer, price

HOUR = timedelta(hours=1)
SUMMARY = {
    *(
        "id",
        "external_id",
        "status",
        "version",
        "country",
        "currency",
        "market",
        "totals",
        "total",
        "payable",
        "lines",
        "ready",
    ),
    *("created", "modified", "expiresAt"),
}


async def begin_three(service: Service, shop: ApiCaller) -> list[str]:
    """Baskets of three hours, the oldest first; their views are up to date."""
    begun = []
    for number in range(3):
        begun.append(await shop.begin(wanted(), external_id=f"E-{number}", country="GB", currency="GBP"))
        service.checkout.clock.advance(HOUR)
    await service.checkout.project()
    return begun


def listed(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [basket["id"] for basket in response.json()["baskets"]]


async def test_an_entry_says_what_the_order_says_and_no_personal_data(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer(), price(), availability())
    id = await shop.begin(
        wanted(quantity=3), external_id="E-1", country="GB", currency="GBP", customFields={"name": "Ada"}
    )
    await shop.validate(id)
    await service.checkout.project()

    response = await shop.baskets()

    order = (await shop.order(id)).json()["order"]
    (entry,) = response.json()["baskets"]
    assert set(entry) == SUMMARY
    assert {name: order[name] for name in SUMMARY - {"lines", "ready"}} == {
        name: entry[name] for name in SUMMARY - {"lines", "ready"}
    }
    assert (entry["lines"], entry["ready"], entry["total"]) == (1, True, {"amount": "30.00", "currency": "GBP"})
    assert response.json()["next"] is None
    assert response.headers["cache-control"] == "no-store"
    assert "Ada" not in response.text


async def test_each_organisation_sees_its_own_baskets(service: Service, shop: ApiCaller, rival: ApiCaller) -> None:
    begun = await begin_three(service, shop)

    assert listed(await shop.baskets()) == begun[::-1]
    assert listed(await rival.baskets()) == []
    assert listed(await rival.baskets(external_id="E-1")) == []


async def test_every_filter_finds_its_baskets(service: Service, shop: ApiCaller) -> None:
    first, second, third = await begin_three(service, shop)
    await service.checkout.handlers.complete(second, "order-1", caller(SHOP))
    await shop.update(third, actions(add("o-2")))
    await service.checkout.project()
    queries: Sequence[tuple[dict[str, str], list[str]]] = (
        ({"status": "open"}, [third, first]),
        ({"status": "completed"}, [second]),
        ({"status": "expired"}, []),
        ({"external_id": "E-1"}, [second]),
        ({"external_id": "E-1", "status": "open"}, []),
        ({"created_after": NOW.isoformat()}, [third, second]),
        ({"created_after": "2026-11-23T13:00:00+01:00"}, [third, second]),
        ({"modified_after": (NOW + HOUR).isoformat()}, [second, third]),
        ({"abandoned": "true"}, [first]),
        ({"abandoned": "true", "status": "completed"}, []),
        ({"abandoned": "false"}, [third, second, first]),
        ({"limit": "1"}, [third]),
    )
    assert [(query, listed(await shop.baskets(**query))) for query, _ in queries] == [*queries]


async def test_a_basket_is_expired_as_soon_as_its_time_has_passed(service: Service, shop: ApiCaller) -> None:
    first, second, third = await begin_three(service, shop)
    service.checkout.clock.advance(LIFETIME - 2 * HOUR)

    assert listed(await shop.baskets(status="expired")) == [second, first]
    assert listed(await shop.baskets(status="open")) == [third]
    statuses = [basket["status"] for basket in (await shop.baskets()).json()["baskets"]]
    assert statuses == ["open", "expired", "expired"]


async def test_the_cursor_leads_through_every_page(service: Service, shop: ApiCaller) -> None:
    begun = await begin_three(service, shop)
    for query in ({}, {"modified_after": "2020-01-01T00:00:00Z"}):
        found: list[str] = []
        cursor: dict[str, str] = {}
        for _ in range(3):
            page = await shop.baskets(**query, **cursor, limit="1")
            found += listed(page)
            cursor = {"cursor": page.json()["next"]}
        assert page.json()["next"] is None
        assert found == (begun if query else begun[::-1])


async def test_an_entry_holds_changes_that_the_views_lack(service: Service, shop: ApiCaller) -> None:
    first, second, third = await begin_three(service, shop)
    await shop.update(first, actions(add("o-2")))
    await service.checkout.handlers.complete(second, "order-1", caller(SHOP))
    too_new = await shop.begin(wanted(), external_id="E-9")

    entries = {basket["id"]: basket for basket in (await shop.baskets()).json()["baskets"]}

    assert too_new not in entries
    assert (entries[first]["lines"], entries[first]["version"]) == (2, 3)
    assert entries[second]["status"] == "completed"
    assert listed(await shop.baskets(status="open")) == [third, first]
    await service.checkout.project()
    assert too_new in listed(await shop.baskets())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=bought", [("/status", "not_one_of")]),
        ("status=", [("/status", "not_one_of")]),
        ("colour=red", [("/colour", "unknown_parameter")]),
        ("Status=open", [("/Status", "unknown_parameter")]),
        ("partner=rival", [("/partner", "unknown_parameter")]),
        ("limit=5&limit=5", [("/limit", "repeated_parameter")]),
        ("a=1&a=2", [("/a", "repeated_parameter"), ("/a", "unknown_parameter")]),
        *(
            (f"limit={value}", [("/limit", "out_of_range")])
            for value in ("0", "101", "-1", "1.0", "%2B5", "", "٣", "1_0")
        ),
        ("external_id=", [("/external_id", "wrong_format")]),
        (f"external_id={'x' * 129}", [("/external_id", "wrong_format")]),
        ("external_id=%00", [("/external_id", "wrong_format")]),
        *(
            (f"{name}={value}", [(f"/{name}", "wrong_format")])
            for name in ("created_after", "modified_after")
            for value in (
                "yesterday",
                "2026-11-23",
                "2026-11-23T12:00:00",
                "2026-11-23T12:00:00+01:00",
                "1764000000",
                "",
            )
        ),
        ("abandoned=yes", [("/abandoned", "not_one_of")]),
        ("cursor=x", [("/cursor", "invalid_cursor")]),
        ("cursor=", [("/cursor", "invalid_cursor")]),
        ("external_id=%ff", [("", "wrong_format")]),
        ("limit=0&status=x&y", [("/limit", "out_of_range"), ("/status", "not_one_of"), ("/y", "unknown_parameter")]),
    ],
)
async def test_wrong_parameters_are_refused_by_name(
    shop: ApiCaller, query: str, expected: list[tuple[str, str]]
) -> None:
    response = await shop.send("GET", f"{LIST}?{query}")
    assert problem(response) == (422, "invalid_parameters")
    assert sorted(errors(response)) == sorted(expected)


async def test_a_cursor_is_bound_to_its_list(service: Service, shop: ApiCaller, rival: ApiCaller) -> None:
    await begin_three(service, shop)
    await rival.begin(wanted())
    await service.checkout.project()
    cursor = (await shop.baskets(status="open", limit="1")).json()["next"]
    assert cursor is not None
    changed = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]

    assert len(listed(await shop.baskets(status="open", cursor=cursor, limit="50"))) == 2
    for someone, query in (
        (rival, {"status": "open", "cursor": cursor}),
        (shop, {"cursor": cursor}),
        (shop, {"status": "open", "created_after": NOW.isoformat(), "cursor": cursor}),
        (shop, {"status": "open", "cursor": changed}),
        (shop, {"status": "open", "cursor": cursor[:-3]}),
        (shop, {"status": "open", "cursor": f"{cursor}x"}),
    ):
        response = await someone.baskets(**query)
        assert problem(response) == (422, "invalid_parameters")
        assert errors(response) == [("/cursor", "invalid_cursor")]


async def test_the_token_is_checked_before_the_query(service: Service) -> None:
    response = await service.stranger().send("GET", f"{LIST}?colour=red")
    assert problem(response) == (401, "not_authenticated")


async def test_only_get_and_head_are_taken(service: Service, shop: ApiCaller) -> None:
    assert (await shop.send("HEAD", LIST)).status_code == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        response = await shop.send(method, LIST)
        assert problem(response) == (405, "method_not_allowed")
        assert response.headers["allow"] == "GET, HEAD"
    assert problem(await shop.send("GET", f"{LIST}/")) == (404, "not_found")


async def test_an_external_id_of_any_characters_is_found_exactly(service: Service, shop: ApiCaller) -> None:
    external_id = "Ä &=%2B+'\"\\ E"
    id = await shop.begin(wanted(), external_id=external_id)
    await service.checkout.project()

    assert listed(await shop.send("GET", f"{LIST}?external_id={quote(external_id)}")) == [id]
    assert listed(await shop.baskets(external_id=external_id)) == [id]
    assert listed(await shop.baskets(external_id=external_id.lower())) == []
