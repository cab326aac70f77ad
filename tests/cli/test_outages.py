"""Long runs of operators survive a slow answer, and a PostgreSQL that is away for a while."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from adapters.container import Container
from tests.adapters.postgres.erasure_setup import a_basket, service
from tests.builders import availability, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.cli.catalogue.test_fact_file import written
from tests.cli.outages import begin, closed, locked

VERIFY = ("verify", "--all", "--no-kafka", "--processes", 1, "--json")
WHY = ("--reason", "a test", "--actor", "ann", "--json")


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(offer("o-1", products=["SKU-1"]), price("o-1"))
        for _ in range(3):
            await shop.fill(item("o-1"))
        yield shop


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with service(database_url, tmp_path) as parts:
        yield parts


async def test_a_long_run_waits_longer_for_an_answer_than_a_call(shop: Shop) -> None:
    async with locked(shop.url, "claims") as table:
        run = await begin(shop.url, *VERIFY, settings={})
        await table.is_waited_for(seconds=3.5)
    ended = await run.end()
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["baskets"] == 3


async def test_a_step_that_timed_out_is_repeated_and_earlier_work_is_kept(shop: Shop) -> None:
    async with locked(shop.url, "claims") as table:
        run = await begin(
            shop.url,
            *VERIFY,
            settings={"CHECKOUT_DATABASE_TIMEOUT": "0.5", "CHECKOUT_LONG_RUN_TIMEOUT": "0.5"},
        )
        await table.is_waited_for()
        await run.says("waiting for it")
    ended = await run.end()
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["baskets"] == 3
    assert ended.err.count("waiting for it") == 1
    assert "it is there again, and the run goes on" in ended.err


async def test_a_run_gives_up_after_its_patience_and_says_why(shop: Shop) -> None:
    async with locked(shop.url, "claims"):
        impatient = {
            "CHECKOUT_DATABASE_TIMEOUT": "0.2",
            "CHECKOUT_LONG_RUN_TIMEOUT": "0.2",
            "CHECKOUT_LONG_RUN_PATIENCE": "0",
        }
        run = await begin(shop.url, *VERIFY, settings=impatient)
        ended = await run.end()
    assert ended.code not in (0, 1, 3)
    assert ended.out == ""
    assert "the event store is unavailable" in ended.err


async def outlived(
    url: str, administrator_url: str, table: str, arguments: Sequence[object], settings: dict[str, str]
) -> tuple[int | None, str]:
    """How a run ended whose connections were cut in the middle, and to which nobody answered for a while."""
    async with locked(administrator_url, table) as held:
        run = await begin(url, *arguments, settings=settings)
        await held.is_waited_for()
        async with closed(administrator_url):
            await run.says("waiting for it")
    ended = await run.end()
    assert "it is there again, and the run goes on" in ended.err, ended.err
    return ended.code, ended.out


async def test_a_verification_outlives_an_outage(shop: Shop, administrator_url: str) -> None:
    code, out = await outlived(shop.url, administrator_url, "claims", VERIFY, {})
    said = json.loads(out)
    assert (code, said["baskets"], said["complete"], said["counts"]) == (0, 3, True, {})


async def test_a_what_if_outlives_an_outage(shop: Shop, tmp_path: Path, administrator_url: str) -> None:
    facts = written(tmp_path, availability("SKU-1", status="blocked"))
    asked = ("validate", "--what-if", facts, "--json")
    code, out = await outlived(shop.url, administrator_url, "basket_views", asked, {})
    said = json.loads(out)
    assert (code, said["judged"], said["becomesNotReady"]) == (1, 3, 3)


@pytest.mark.parametrize("target", ["basket-views", "catalogue"])
async def test_a_rebuild_outlives_an_outage(shop: Shop, target: str, administrator_url: str) -> None:
    table = {"basket-views": "basket_views", "catalogue": "catalogue_offers"}[target]
    code, out = await outlived(shop.url, administrator_url, table, ("rebuild", target, "--workers", 1, *WHY), {})
    said = json.loads(out)
    assert (code, said["state"]) == (0, "switched")


async def test_an_erasure_outlives_an_outage_and_names_every_basket(parts: Container, administrator_url: str) -> None:
    ids = {await a_basket(parts, "acme") for _ in range(3)}
    assert parts.settings.database_url is not None
    settings = {"CHECKOUT_DATA_KEY_FILE": str(parts.settings.data_key_file)}
    asked = ("forget", "--subject", "p-1", "--yes", *WHY)
    url = parts.settings.database_url.get_secret_value()
    code, out = await outlived(url, administrator_url, "answers", asked, settings)
    said = json.loads(out)
    assert (code, set(said["basketIds"]), said["left"]) == (0, ids, 0)


async def test_a_run_does_not_wait_for_a_part_that_is_away_at_its_start(shop: Shop) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/none"
    for arguments in (VERIFY, ("rebuild", "basket-views", *WHY)):
        ended = await (await begin(nowhere, *arguments, settings={})).end()
        assert ended.code not in (0, 3)
        assert "waiting for it" not in ended.err
        assert "the event store is unavailable" in ended.err
