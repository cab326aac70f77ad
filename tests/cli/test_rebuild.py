"""`checkout rebuild` as a process."""

from __future__ import annotations

import json
import random
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from adapters.postgres.audit import PostgresAuditLog
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from cli.commands import app
from tests.builders import add, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.cli.validate.test_what_if import many_baskets
from tests.rebuild_steps import OPERATOR, as_their_events_say, generations, live_views, rebuilds_of
from tests.servers.checkout_command import finish, start_checkout
from tests.servers.waiting import eventually

KILLS = 10


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(offer("o-1"), price("o-1"))
        yield shop


@pytest.fixture
def rebuilds(shop: Shop) -> PostgresRebuilds:
    return rebuilds_of(shop.database)


async def begin(shop: Shop, *arguments: object) -> Process:
    return await start_checkout("rebuild", *arguments, environment=shop.environment)


async def ended(process: Process) -> tuple[int | None, dict[str, Any], str]:
    """The exit code, the JSON output, and the text on stderr."""
    result = await finish(process)
    return result.code, json.loads(result.out) if result.out else {}, result.err


async def run(shop: Shop, *arguments: object) -> tuple[int | None, dict[str, Any], str]:
    return await ended(await begin(shop, *arguments, "--json"))


async def spoil(connection: asyncpg.Connection, basket_id: str) -> None:
    await connection.execute("UPDATE basket_views SET status = 'expired' WHERE basket_id = $1", basket_id)


async def test_a_dry_run_compares_and_changes_nothing(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    ids = await many_baskets(shop, 500)
    await spoil(connection, ids[0])
    before = await live_views(connection)

    code, said, err = await run(shop, "basket-views", "--dry-run", "--workers", 2)

    assert code == 1, err
    assert (said["state"], said["dryRun"], said["done"]) == ("compared", True, 1_000)
    assert (said["comparison"]["same"], said["comparison"]["differs"]) == (499, 1)
    assert [sample["subject"] for sample in said["comparison"]["samples"]] == [ids[0]]
    assert await live_views(connection) == before
    assert await generations(connection) == {"public"}
    assert await PostgresAuditLog(shop.database).newest(None, 1) == []

    code, said, err = await run(shop, "basket-views", "--reason", "drift", "--actor", "ann", "--workers", 2)

    assert code == 0, err
    assert (said["state"], said["comparison"]["differs"], said["rows"]) == ("switched", 1, 500)
    assert said["operator"] == {"actor": "ann", "way": "command-line", "reason": "drift"}
    assert (await run(shop, "basket-views", "--dry-run"))[0] == 0


@pytest.mark.timeout(300)
async def test_a_rebuild_killed_at_any_moment_resumes_and_ends_right(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    chance = random.Random(4)
    ids = await many_baskets(shop, 500)
    changed = [await shop.fill(item("o-1")) for _ in range(3)]
    live = len(ids) + len(changed)
    killed = 0
    while killed < KILLS:
        going_on = await rebuilds.resumable("basket-views") is not None
        arguments = ["--resume"] if going_on else []
        process = await begin(
            shop, "basket-views", "--reason", "x", "--rate", 1_600, "--workers", 1, "--json", *arguments
        )
        await _has_come_far(rebuilds, process, chance.randint(1, 9))
        if process.returncode is None:
            process.kill()
            killed += 1
        _, errors = await process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()
        # At every stage the live tables are complete, and callers change them.
        assert await connection.fetchval("SELECT count(*) FROM public.basket_views") == live
        for basket in changed:
            await shop.change(basket, add("o-1"))
        await shop.project(*(each.id for each in changed[:2]))

    if await rebuilds.resumable("basket-views") is not None:
        code, said, err = await run(shop, "basket-views", "--resume", "--reason", "x")
        assert (code, said["state"]) == (0, "switched"), err
    assert await generations(connection) == {"public", "checkout_kept"}
    all_ids = [*ids, *(each.id for each in changed)]
    await shop.project(*(each.id for each in changed))
    found, wanted = await live_views(connection), await as_their_events_say(shop.store, all_ids)
    assert [id for id in all_ids if found.get(id) != wanted[id]] == []
    assert len(found) == len(all_ids)


async def _has_come_far(rebuilds: PostgresRebuilds, process: Process, steps: int) -> None:
    """Waits until it was seen at so many different stages, or ended."""
    seen: set[object] = set()

    async def enough() -> bool:
        for stands in await rebuilds.newest(1):
            if not stands.interrupted:
                seen.add((stands.id, stands.state, stands.done, stands.waiting_for))
        return len(seen) > steps or process.returncode is not None

    await eventually(enough, limit=60, every=0.01)


async def test_an_interrupted_rebuild_stops_in_order_and_resumes(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    ids = await many_baskets(shop, 500)
    before = await live_views(connection)
    slowly = ("basket-views", "--reason", "x", "--rate", 100, "--workers", 2, "--json")
    process = await begin(shop, *slowly)
    await eventually(lambda: _done(rebuilds, 1), limit=60)
    refused, _, err = await run(shop, "basket-views", "--reason", "x")
    assert (refused, "at work" in err) == (1, True)

    process.send_signal(signal.SIGINT)
    code, said, err = await ended(process)

    assert (code, said["state"]) == (130, "cancelled"), err
    assert 0 < said["done"] < said["total"]
    assert await live_views(connection) == before

    process = await begin(shop, *slowly, "--resume")
    await eventually(lambda: _done(rebuilds, said["done"] + 1), limit=60)
    assert await rebuilds.request_cancel(said["id"], OPERATOR)
    assert (await ended(process))[0] == 130

    code, again, err = await run(shop, "basket-views", "--resume", "--reason", "x")
    assert (code, again["id"], again["state"], again["rows"]) == (0, said["id"], "switched", len(ids)), err
    assert await live_views(connection) == before


async def _done(rebuilds: PostgresRebuilds, events: int) -> bool:
    return any(
        stands.done >= events and not stands.interrupted and stands.state == "building"
        for stands in await rebuilds.newest(1)
    )


async def test_the_same_command_rebuilds_the_catalogue(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE catalogue_prices SET currency = 'USD'")

    code, said, err = await run(shop, "catalogue", "--dry-run")
    assert (code, said["comparison"]["differs"]) == (1, 1), err
    assert await generations(connection, "catalogue_prices") == {"public"}

    code, said, err = await run(shop, "catalogue", "--reason", "drift", "--workers", 1)
    assert (code, said["state"], said["comparison"]["differs"]) == (0, "switched", 1), err
    assert await connection.fetchval("SELECT currency FROM catalogue_prices") == "GBP"


async def test_a_scope_repairs_only_its_baskets(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    basket, other = [await shop.fill(item("o-1")) for _ in range(2)]
    await connection.execute("DELETE FROM basket_views")

    code, said, err = await run(shop, "basket-views", "--basket", basket.id, "--reason", "lost")

    assert (code, said["state"], said["comparison"]["liveBehind"]) == (0, "mended", 1), err
    assert [*(await live_views(connection))] == [basket.id]
    assert (await run(shop, "basket-views", "--basket", other.id, "--resume", "--reason", "x"))[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalogue", "--resume", "--abandon"),
        ("catalogue", "--dry-run", "--roll-back"),
        ("basket-views", "--roll-back", "--drop-kept"),
        ("basket-views", "--partner", "acme", "--resume"),
        ("basket-views", "--basket", "basket-1", "--abandon"),
    ],
)
def test_options_that_exclude_each_other_are_refused_before_the_reason_is_asked_for(arguments: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["rebuild", *arguments])
    assert ended.exit_code == 2
    assert "these options do not go together" in ended.stderr
