"""`checkout find`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.builders import availability, caller, cancel, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.cli.in_process import run_for_json, run_in_process


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(
            offer("o-1"),
            price("o-1"),
            availability("SKU-1", status="blocked"),
            offer("o-2", products=["SKU-2"]),
        )
        yield shop


async def ids(shop: Shop, *arguments: object) -> list[str]:
    (page,) = await run_for_json(shop, "find", *arguments)
    return [basket["basketId"] for basket in page["baskets"]]


async def test_open_and_finished_baskets_are_found_by_content_and_findings(
    shop: Shop,
) -> None:
    blocked = await shop.fill(item("o-1"))
    await shop.judge(blocked)
    other = await shop.fill(item("o-2"), partner="bolt")
    await shop.judge(other)
    for basket in (blocked, other):
        await shop.handlers.complete(basket.id, "order-1", caller(basket.partner))
        await shop.project(basket.id)

    for question in (
        ["--partner", "acme"],
        ["--product", "SKU-1"],
        ["--offer", "o-1", "--status", "completed"],
        ["--finding", "product_blocked", "--created-from", "2020-01-01T00:00:00Z"],
    ):
        assert await ids(shop, *question) == [blocked.id]
    assert await ids(shop) == [other.id, blocked.id]


async def test_cancelled_baskets_are_found_by_their_status(shop: Shop) -> None:
    cancelled, _ = await shop.fill(item("o-1")), await shop.fill(item("o-1"))
    await shop.handlers.cancel(cancel(cancelled.id), caller(cancelled.partner))
    await shop.project(cancelled.id)

    assert await ids(shop, "--status", "cancelled") == [cancelled.id]


async def test_pages_follow_by_cursor_or_all_at_once(shop: Shop) -> None:
    made = [(await shop.fill(item("o-1"))).id for _ in range(3)]

    (first,) = await run_for_json(shop, "find", "--limit", 2)
    (second,) = await run_for_json(shop, "find", "--limit", 2, "--cursor", first["nextCursor"])
    every = await run_for_json(shop, "find", "--limit", 2, "--all")

    assert every == [first, second]
    assert second["nextCursor"] is None
    assert [basket["basketId"] for page in every for basket in page["baskets"]] == made[::-1]


async def test_find_prints_the_status_of_baskets_and_how_to_go_on(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.judge(basket)
    newer = await shop.fill()

    first = await run_in_process(shop, "find", "--limit", 1)
    (page,) = await run_for_json(shop, "find", "--limit", 1)
    older = (await run_in_process(shop, "find", "--limit", 1, "--cursor", page["nextCursor"])).out

    assert f"\n{newer.id}\tacme\t" in first.out
    assert f"more: --cursor {page['nextCursor']}" in first.err
    assert "\topen\tnot ready: product_blocked\t" in older


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--offer", "o-none"], 1, "no basket found"),
        (["--finding", "product_bloked"], 1, "no check of this release is called product_bloked"),
        (["--finding", "a\x00b"], 2, "--finding"),
        (["--external-id", ""], 2, "--external-id"),
        (["--status", "lost"], 2, "--status"),
        (["--modified-from", "yesterday"], 2, "yesterday: a time is RFC 3339 text with an offset"),
        (["--limit", "201"], 2, "--limit"),
        (["--cursor", "x"], 2, "this cursor is none that a page gave"),
    ],
)
async def test_no_match_and_a_wrong_option_are_different_errors(
    shop: Shop, arguments: list[str], code: int, words: str
) -> None:
    ended = await run_in_process(shop, "find", *arguments)

    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err


async def test_no_match_is_an_empty_page_in_json(shop: Shop) -> None:
    ended = await run_in_process(shop, "find", "--offer", "o-none", "--json")

    assert (ended.code, json.loads(ended.out)) == (1, {"baskets": [], "nextCursor": None})
