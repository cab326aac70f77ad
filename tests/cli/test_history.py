"""`checkout history`, `checkout show` and `checkout diff`."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic_core import from_json, to_jsonable_python

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.operators.history.as_of import BasketHistory
from tests.builders import FixedClock, add, availability, caller, change, initiate, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.cli.in_process import run_for_json, run_in_process
from tests.domain.operators.history.reference_history import reference_at
from tests.random_baskets import CATALOGUE, RandomLife
from tests.servers.checkout_command import start_checkout


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=5))
        yield shop


async def a_life(shop: Shop) -> Basket:
    """Five versions: initiated, a line of two, a verdict ready, nine of it, a verdict not ready."""
    basket = await shop.fill(item("o-1", 2))
    await shop.judge(basket)
    await shop.change(basket, change(next(iter(basket.items)), 9))
    await shop.judge(basket)
    return basket


async def test_a_history_is_printed_for_people_and_for_programs(shop: Shop) -> None:
    basket = await a_life(shop)
    entries = await BasketHistory(shop.store).entries(basket.id)

    for_people = (await run_in_process(shop, "history", basket.id)).out

    assert await run_for_json(shop, "history", basket.id) == to_jsonable_python(entries)
    assert await run_for_json(shop, "history", basket.id, "--after-version", 3) == to_jsonable_python(entries[3:])
    for text in (
        "version\ttime\twhat\tby\tcorrelation\tcausation\n",
        "\t2 × o-1 v-1 added at 10.00 GBP\tclient-1\tcorrelation-1\t",
        "\n4\t",
        "\tquantity of o-1 v-1 from 2 to 9\t",
        "\tjudged not ready: product_insufficient_stock (SKU-1)\t",
    ):
        assert text in for_people


async def test_follow_prints_new_entries_until_interrupted(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))
    process = await start_checkout("history", basket.id, "--follow", "--json", environment=shop.environment)
    assert process.stdout is not None
    versions = []
    async with asyncio.timeout(60):
        for version in range(1, 5):
            if version > 2:
                await shop.change(basket, add("o-1"))
            versions.append(json.loads(await process.stdout.readline())["version"])
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert versions == [1, 2, 3, 4]
    assert (process.returncode, out, err) == (130, b"", b"")


async def test_a_shown_basket_at_every_version_is_the_reference_fold(shop: Shop) -> None:
    await shop.record(*CATALOGUE)
    dice = random.Random(4)
    life = RandomLife(shop.handlers, shop.store, FixedClock(), dice)
    for _ in range(3):
        basket_id = await life.live(4)
        stored = [from_json(event.data) for event in await shop.store.read_events(basket_id)]
        for version in range(1, len(stored) + 1):
            (shown,) = await run_for_json(shop, "show", basket_id, "--at-version", version)
            assert shown == reference_at(stored, version)


async def test_show_works_without_views_and_with_broken_ones(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"), projected=False)
    before = [await run_for_json(shop, "show", basket.id, *when) for when in ((), ("--at-version", 2))]
    broken = replace(to_view(basket), version=9, snapshot=b"{}")
    await shop.views.advance([(0, broken)])

    assert [await run_for_json(shop, "show", basket.id, *when) for when in ((), ("--at-version", 2))] == before
    assert before[0] == before[1]


async def test_show_as_of_prints_the_basket_of_that_time(shop: Shop) -> None:
    basket = await a_life(shop)
    verdict = (await shop.verdicts(basket.id))[0]

    (then,) = await run_for_json(shop, "show", basket.id, "--as-of", verdict.timestamp.isoformat())
    (now,) = await run_for_json(shop, "show", basket.id)

    assert [(shown["version"], shown["ready"]) for shown in (then, now)] == [(3, True), (5, False)]
    assert (then["lastVerdict"]["version"], then["orderItems"][0]["quantity"]) == (3, 2)


async def test_show_prints_the_basket_with_its_findings(shop: Shop) -> None:
    odd = initiate(item("o-1", 9), tracking={"\x1b[2J": 1}, source="kiosk")
    basket = (await shop.handlers.initiate(odd, caller())).basket
    await shop.judge(basket)

    shown = (await run_in_process(shop, "show", basket.id)).out

    for text in (
        f"{basket.id} at version 3: open",
        "of acme, country GB, currency GBP, source kiosk",
        "o-1 v-1\tOffer o-1\tSKU-1\t10.00 GBP\t90.00 GBP\t",
        "total 90.00 GBP",
        "not ready by the verdict of version 3",
        "error product_insufficient_stock at $.orderItems[0].offer.products[0]: ",
    ):
        assert text in shown
    assert "\x1b" not in shown


async def test_diff_prints_each_difference_with_its_path(shop: Shop) -> None:
    basket = await a_life(shop)
    line = f"$.orderItems[?@.id=='{next(iter(basket.items))}']"

    for_people = (await run_in_process(shop, "diff", basket.id, 3)).out
    (said,) = await run_for_json(shop, "diff", basket.id, 3, 5)

    assert f"~ quantity of o-1 v-1 from 2 to 9  {line}.quantity" in for_people
    assert "~ judged not ready, before: judged ready  $.ready" in for_people
    assert "+ error product_insufficient_stock at $.orderItems[0]" in for_people
    assert said["differences"][0] == {
        "kind": "changed",
        "path": f"{line}.quantity",
        "before": 2,
        "after": 9,
        "words": "quantity of o-1 v-1 from 2 to 9",
    }
    assert (said["fromVersion"], said["toVersion"]) == (3, 5)
    assert [found["code"] for found in said["findings"]["new"]] == ["product_insufficient_stock"]
    assert "nothing differs" in (await run_in_process(shop, "diff", basket.id, 2, 2)).out


NOBODY = "basket-00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["history", NOBODY], 1),
        (["history", NOBODY, "--after-version", "-1"], 2),
        (["show", NOBODY], 1),
        (["show", NOBODY, "--at-version", "0"], 2),
        (["show", NOBODY, "--as-of", "yesterday"], 2),
        (["show", NOBODY, "--as-of", "2026-11-23T12:00:00Z", "--at-version", "1"], 2),
        (["diff", NOBODY, "1"], 1),
        (["diff", NOBODY], 2),
        (["diff", NOBODY, "0", "1"], 2),
    ],
)
async def test_unknown_baskets_and_wrong_options_are_reported_on_stderr(
    shop: Shop, arguments: list[str], code: int
) -> None:
    ended = await run_in_process(shop, *arguments)

    assert (ended.code, ended.out) == (code, "")
    assert NOBODY in ended.err or code == 2
    assert ended.err


async def test_a_version_or_a_time_before_the_basket_is_not_found(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))

    for arguments in (
        ["show", basket.id, "--at-version", 3],
        ["show", basket.id, "--as-of", "2020-01-01T00:00:00Z"],
        ["diff", basket.id, 1, 3],
    ):
        ended = await run_in_process(shop, *arguments)
        assert (ended.code, ended.out) == (1, "")
        assert f"there was no basket {basket.id} at" in ended.err
