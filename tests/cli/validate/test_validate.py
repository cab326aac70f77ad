"""`checkout validate BASKET`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from pydantic_core import from_json, to_json

from tests.builders import add, availability, item, offer, price
from tests.builders.shop import Shop, open_shop


@pytest.fixture
async def shop(database_url: str, administrator_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url, administrator_url) as shop:
        await shop.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=5))
        yield shop


async def test_a_recorded_verdict_can_be_repeated_after_the_catalogue_changed(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 2))
    version = await shop.judge(basket)
    await shop.record(availability("SKU-1", status="blocked", sequence=2))

    ended = await shop.checkout("validate", basket.id, "--at-version", version, "--json")

    said = json.loads(ended.out)
    assert (ended.code, said["ready"], said["equal"], said["stored"]["version"]) == (0, True, True, version)
    assert said["basketVersion"] == version - 1


async def test_validating_now_changes_nothing(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 2))
    version = await shop.judge(basket)
    await shop.record(availability("SKU-1", status="blocked", reason="recalled", sequence=2))
    before = await shop.last_position()

    ended = await shop.checkout("validate", basket.id, "--json")

    said = json.loads(ended.out)
    assert (ended.code, said["ready"], said["equal"]) == (1, False, None)
    assert [finding["code"] for finding in said["blockedProducts"]] == ["product_blocked"]
    assert [finding["code"] for finding in said["lastVerdict"]["difference"]["new"]] == ["product_blocked"]
    assert said["lastVerdict"]["version"] == version
    assert await shop.last_position() == before


async def test_findings_that_differ_today_are_shown(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 2))
    version = await shop.judge(basket)
    await pretend_other_checks(shop, basket.id, version)

    ended = await shop.checkout("validate", basket.id, "--at-version", version)

    assert ended.code == 1
    assert f"The verdict that version {version} recorded says something else" in ended.out
    assert "- stored: error a_check_of_old at $: it was so" in ended.out


async def test_the_remedy_is_what_update_takes_and_leads_where_it_says(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 9))

    said = json.loads((await shop.checkout("validate", basket.id, "--json")).out)
    told = (await shop.checkout("validate", basket.id)).out

    (line,) = basket.items
    action = {"orderItemActionType": "change_quantity", "id": line, "quantity": 5}
    assert said["remedy"] == {
        "ifMatch": f'"{basket.version}"',
        "orderItemActions": [action],
        "leadsTo": {"ready": True, "total": {"amount": "50.00", "currency": "GBP"}, "remaining": []},
    }
    assert "the remedy leads to ready, total 50.00 GBP; send it to update:" in told
    assert f'If-Match: "{basket.version}"' in told
    [body] = [printed for printed in told.splitlines() if printed.startswith("  {")]
    assert json.loads(body) == {"orderItemActions": [action]}


async def test_a_recorded_verdict_has_the_remedy_that_its_caller_got(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 9))
    version = await shop.judge(basket)

    repeated = json.loads((await shop.checkout("validate", basket.id, "--at-version", version, "--json")).out)
    shown = json.loads((await shop.checkout("show", basket.id, "--json")).out)["lastVerdict"]

    assert repeated["remedy"]["ifMatch"] == f'"{version}"'
    assert repeated["remedy"] == repeated["stored"]["remedy"] == shown["remedy"]
    ready = await shop.fill(item("o-1", 1))
    said = json.loads((await shop.checkout("validate", ready.id, "--json")).out)
    assert (said["ready"], said["remedy"]) == (True, None)


async def test_as_of_a_time_the_basket_is_that_of_then(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 2))
    version = await shop.judge(basket)
    [verdict] = await shop.verdicts(basket.id)
    await shop.change(basket, add("o-1", 50))

    then = await shop.checkout("validate", basket.id, "--as-of", verdict.timestamp.isoformat(), "--json")
    now = await shop.checkout("validate", basket.id, "--json")

    assert (then.code, json.loads(then.out)["stored"]["version"]) == (0, version)
    assert [each["code"] for each in json.loads(now.out)["blockedProducts"]] == ["product_insufficient_stock"]


async def test_explain_shows_what_each_check_looked_at_and_each_fact(shop: Shop) -> None:
    basket = await shop.fill(item("o-1", 9))

    told = (await shop.checkout("validate", basket.id, "--explain")).out
    said = json.loads((await shop.checkout("validate", basket.id, "--explain", "--json")).out)

    outcomes = {check["code"]: check["outcome"] for check in said["checks"]}
    assert (outcomes["product_insufficient_stock"], outcomes["price_changed"]) == ("found", "passed")
    assert {*said["evidence"]} <= {*said["facts"]}
    by_code = {check["code"]: check["evidence"] for check in said["checks"]}
    assert by_code["product_insufficient_stock"] == ["availability/SKU-1/*/*#1", "offer/o-1/v-1#1"]
    assert "price/o-1/v-1/*/GBP/*#1" in by_code["price_changed"]
    for text in ("product_insufficient_stock", "passed", "availability/SKU-1/*/*#1", '"quantity":5'):
        assert text in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["basket-00000000-0000-7000-8000-000000000000"],
        ["basket-00000000-0000-7000-8000-000000000000", "--at-version", "3"],
        ["basket-1", "--as-of", "yesterday"],
        ["basket-1", "--as-of", "2026-11-23T12:00:00"],
        ["basket-1", "--as-of", "2026-11-23T12:00:00Z", "--at-version", "1"],
    ],
)
async def test_a_basket_that_cannot_be_validated_has_no_verdict(shop: Shop, arguments: list[str]) -> None:
    ended = await shop.checkout("validate", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err


async def pretend_other_checks(shop: Shop, basket_id: str, version: int) -> None:
    """As if the verdict had been recorded by a release with another check."""
    stored = (await shop.store.read_events(basket_id))[-1]
    assert stored.version == version
    document = from_json(stored.data)
    document["ready"] = False
    document["validationErrors"] = [
        {
            "code": "a_check_of_old",
            "severity": "error",
            "resolution": "change_basket",
            "message": "it was so",
            "path": "$",
        }
    ]
    async with shop.database.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE events DISABLE TRIGGER events_stay_as_they_are")
        await connection.execute(
            "UPDATE events SET data = $1 WHERE stream_id = $2 AND version = $3",
            to_json(document),
            basket_id,
            version,
        )
        await connection.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_stay_as_they_are")
