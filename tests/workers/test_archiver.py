"""The archiver works while others serve, and may be killed at any moment."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg

from adapters.container import Container
from adapters.wire.responses import render
from tests.adapters.archive.archived_service import (
    a_finished_basket,
    archiver,
    archiving_service,
    publish_all,
    rows_of,
)
from tests.builders import add, caller, initiate, item, update
from tests.servers.waiting import eventually
from tests.workers.running_worker import ready_worker
from workers.archiver import ArchiverWorker
from workers.heartbeat import Heartbeat
from workers.runner import keep_running

BASKETS = 24

# How many of some baskets have events.
IN_STORE = "SELECT count(DISTINCT stream_id) FROM events WHERE stream_id = ANY($1::text[])"


def worker(container: Container, page: int = 5) -> ArchiverWorker:
    return ArchiverWorker(
        archiver(container),
        container.archive_index.drop_empty_partition,
        container.leadership,
        enabled=True,
        page_baskets=page,
        pause=0,
        round_every=0.05,
    )


async def test_baskets_move_to_files_while_others_are_served_and_come_back_as_they_were(
    database_url: str, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    async with archiving_service(database_url, tmp_path) as container:
        finished = [await a_finished_basket(container) for _ in range(BASKETS)]
        rows = {basket_id: await rows_of(connection, basket_id) for basket_id in finished}
        await publish_all(container)
        done = asyncio.Event()

        async def serve() -> int:
            """A partner who begins a basket and changes it, again and again."""
            changes = 0
            while not done.is_set():
                begun = await container.handlers.initiate(initiate(item("o-1", 1)), caller(), render)
                basket_id = json.loads(begun.body)["id"]
                for offer_id in ("o-2", "o-3", "o-4"):
                    assert (
                        await container.handlers.update(update(basket_id, add(offer_id)), caller(), render)
                    ).status == 200
                    changes += 1
            return changes

        async def all_moved() -> bool:
            return not await connection.fetchval(IN_STORE, finished)

        partners = [asyncio.create_task(serve()) for _ in range(4)]
        async with ready_worker(worker(container)):
            await eventually(all_moved)
        done.set()
        assert all(await asyncio.gather(*partners))
        files = await container.archive.files()
        assert len(files) >= BASKETS / 5
        assert not any([(await container.archive.verify(name)).problems for name in files])
        assert await container.archive.restore(finished) == {*finished}
        assert {basket_id: await rows_of(connection, basket_id) for basket_id in finished} == rows


async def test_an_archiver_without_its_folder_says_so_and_goes_on_once_it_is_there(
    database_url: str, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    folder = tmp_path / "mounted-later"
    async with archiving_service(database_url, tmp_path, archive_folder=folder) as container:
        basket_id = await a_finished_basket(container)
        await publish_all(container)
        heartbeat = Heartbeat("archiver")
        running = asyncio.create_task(keep_running(worker(container), heartbeat))

        async def says_so() -> bool:
            return "CHECKOUT_ARCHIVE_FOLDER" in ((await heartbeat.report()).last_error or "")

        async def moved() -> bool:
            return await rows_of(connection, basket_id) == []

        await eventually(says_so)
        assert not await moved()
        folder.mkdir()
        await eventually(moved)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
