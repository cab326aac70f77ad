"""What runs at the same time as the archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from adapters.archive_files.folder import ArchiveFolder
from adapters.container import Container
from adapters.encryption.envelope import key_id_of
from adapters.postgres.erasure import PostgresErasureStore
from adapters.postgres.republications import PostgresRepublications
from adapters.system import new_id, utc_now
from domain.operators.archive.archiver import ArchiveRound
from domain.operators.erasure import ErasureService, Person
from domain.ports.archive import ArchiveManifest
from domain.ports.event_store import StoredEvent
from tests.adapters.archive.archived_service import (
    a_finished_basket,
    archive,
    archiver,
    archiving_service,
    checkpoint_at,
    files_in,
    publish_all,
    rows_of,
)
from tests.adapters.postgres.erasure_setup import GRACE
from tests.contracts.audit import action
from tests.contracts.republications import run
from tests.rebuild_steps import OPERATOR, built, generations
from tests.servers.waiting import eventually

VIEW = "SELECT * FROM basket_views WHERE basket_id = $1"

# What the archive does first: the lock of appends, then that of rebuilds.
HOLD_APPENDS = "SELECT pg_advisory_xact_lock(7208041002)"
HOLD_REBUILDS = "SELECT pg_try_advisory_xact_lock(720804, hashtext('rebuild basket-views'))"

# Whether a basket has a view in the generation that is built.
BUILT = "SELECT count(*) FROM checkout_rebuilt.basket_views WHERE basket_id = $1"

# Sessions that wait for a lock.
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


Meddle = Callable[[str], Awaitable[None]]
"""Called with the name of a file."""


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with archiving_service(database_url, tmp_path) as container:
        yield container


class MeddledFolder(ArchiveFolder):
    """Somebody meddles after each file that it writes, before the baskets move."""

    def __init__(self, folder: Path | None, meddle: Meddle) -> None:
        super().__init__(folder, utc_now)
        self._meddle = meddle

    async def write(self, name: str, events: Sequence[StoredEvent], partners: Mapping[str, str]) -> ArchiveManifest:
        manifest = await super().write(name, events, partners)
        await self._meddle(name)
        return manifest


async def meddled(container: Container, meddle: Meddle) -> ArchiveRound:
    """One page, where somebody meddles."""
    folder = container.archive_files
    container.archive_files = MeddledFolder(container.settings.archive_folder, meddle)
    done = await archive(container)
    container.archive_files = folder
    return done


async def test_baskets_stay_whose_file_another_archiver_deletes(
    container: Container, connection: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    """The first one lost its role while it wrote, so that the second one takes the file for a leftover."""
    basket_id = await a_finished_basket(container)
    rows = await rows_of(connection, basket_id)
    await publish_all(container)
    async with archiving_service(database_url, tmp_path) as other:

        async def second_archiver(name: str) -> None:
            assert [*await archiver(other).delete_leftovers()] == [name]

        done = await meddled(container, second_archiver)
    assert (done.baskets, files_in(container)) == (0, [])
    assert await rows_of(connection, basket_id) == rows
    assert (await archive(container)).baskets == 1


async def test_baskets_stay_of_which_a_republication_began_while_their_file_was_written(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    runs = PostgresRepublications(container.database)
    begun = run(partner=None, from_position=1)

    async def republish(_: str) -> None:
        await runs.begin(begun, action(1))

    assert (await meddled(container, republish)).baskets == 0
    assert len(await rows_of(connection, basket_id)) == 7
    assert (await archive(container)).waiting == {"republishing": 1}
    await runs.end(begun.model_copy(update={"ended_at": utc_now()}))
    assert (await archive(container)).baskets == 1


async def test_the_archive_waits_for_a_republication_that_just_begins(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    insert = "INSERT INTO republications VALUES ('run-1', 'replay', 'events', 1, 99, NULL, NULL, now(), NULL)"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connection.transaction())
        await connection.execute(insert)
        moving = asyncio.create_task(container.archive_index.move("f", {basket_id: 7}))

        async def waits() -> bool:
            return bool(await connection.fetchval(WAITING))

        await eventually(waits)
    assert await moving == set()


async def test_nothing_moves_once_the_publisher_was_put_back(
    container: Container, connection: asyncpg.Connection
) -> None:
    """Each page asks anew how far the publisher is."""
    first, second = [await a_finished_basket(container) for _ in range(2)]
    await publish_all(container)
    done, its_archiver = ArchiveRound(), archiver(container)
    after = await its_archiver.next_page(done, None, 1, dry=False)
    await checkpoint_at(container, 0)
    await its_archiver.next_page(done, after, 1, dry=False)
    assert (done.baskets, done.waiting) == (1, {"unpublished": 1})
    assert len({*await rows_of(connection, first), *await rows_of(connection, second)}) == 7


async def test_a_basket_that_comes_back_during_a_rebuild_is_in_the_new_generation_and_in_the_kept_one(
    container: Container, connection: asyncpg.Connection
) -> None:
    early, late = [await a_finished_basket(container) for _ in range(2)]
    views = {id: await connection.fetchrow(VIEW, id) for id in (early, late)}
    await publish_all(container)
    assert (await archive(container)).baskets == 2
    async with built(container.rebuilds) as work:
        await container.archive.restore([early])
        await work.switch()
    assert await connection.fetchrow(VIEW, early) == views[early]
    await container.archive.restore([late])
    await container.rebuilds.roll_back("basket-views", OPERATOR)
    assert {id: await connection.fetchrow(VIEW, id) for id in (early, late)} == views


async def test_baskets_that_come_back_during_a_rebuild_are_taken_up_before_the_live_tables_are_locked(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    assert (await archive(container)).baskets == 1
    async with built(container.rebuilds) as work:
        await container.archive.restore([basket_id])
        await work.catch_up()
        assert await connection.fetchval(BUILT, basket_id) == 1


async def test_nothing_moves_while_a_generation_waits_to_be_finished(
    container: Container, connection: asyncpg.Connection
) -> None:
    await a_finished_basket(container)
    await publish_all(container)
    async with built(container.rebuilds) as work:
        await work.cancel()
    done = await archive(container)
    assert (done.baskets, done.waiting) == (0, {"view_behind": 1})
    assert files_in(container) == []  # however long it waits, and however often the archiver looks
    await container.rebuilds.abandon("basket-views", OPERATOR)
    assert await generations(connection) == {"public"}
    assert (await archive(container)).baskets == 1


async def test_a_rebuild_begins_after_the_baskets_that_move_at_that_moment(
    container: Container, connection: asyncpg.Connection
) -> None:
    async def rebuild() -> str:
        async with container.rebuilds.open_session("basket-views", OPERATOR) as work:
            return work.id

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connection.transaction())
        await connection.execute(HOLD_APPENDS)
        assert await connection.fetchval(HOLD_REBUILDS)
        beginning = asyncio.create_task(rebuild())

        async def waits() -> bool:
            return bool(await connection.fetchval(WAITING))

        await eventually(waits)
    assert await beginning


async def test_an_erasure_reaches_a_basket_that_moves_just_before(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container, subject="p-9")
    await publish_all(container)
    moved: list[int] = []

    async def bring_back(basket_ids: Collection[str]) -> None:
        await container.archive.restore(basket_ids)
        if not moved:
            moved.append((await archive(container)).baskets)

    store = PostgresErasureStore(container.database, timedelta(days=1), key_id_of)
    erasure = ErasureService(store, bring_back, utc_now, new_id)
    erased = await erasure.erase(Person(subject="p-9"), GRACE)
    assert (moved, erased.basket_ids, erased.keys_destroyed) == ([1], (basket_id,), 1)
    assert (await rows_of(connection, basket_id))[-1]["type"] == "checkout.basket-personal-data-forgotten.v1"


async def test_a_verification_passes_over_a_basket_that_moves_meanwhile(container: Container) -> None:
    basket_ids = [await a_finished_basket(container) for _ in range(2)]
    await publish_all(container)
    await archive(container, limit=1)
    verified = await container.view_verifier.verify(basket_ids)
    (archived,) = verified.archived
    assert archived.basket_id in basket_ids
    assert (verified.baskets, verified.inconsistencies, verified.lagging) == (1, [], {})
