"""Baskets move to files and back, on a real PostgreSQL."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from adapters.container import Container
from adapters.encryption.stores import decrypt_events
from adapters.postgres.archive import PostgresArchiveIndex
from adapters.system import utc_now
from adapters.wire.responses import render
from domain.basket.codec import decode_all
from domain.basket.projection import ProjectionContended
from domain.operators.erasure import BasketSelection, Person
from domain.ports.archive import ArchiveDamaged, ArchiveUnavailable
from domain.ports.messaging import DeadLetter
from domain.ports.promises import BasketPromise
from domain.shared.errors import BasketArchived, BasketNotFound
from domain.shared.values import MessageSource
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
from tests.adapters.postgres.erasure_setup import GRACE, MARKER, a_basket, project, tables_holding
from tests.builders import add, caller, update, validate
from tests.servers.waiting import eventually

EVENTS = 7
"""Of a finished basket."""

VIEW = "SELECT * FROM basket_views WHERE basket_id = $1"


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with archiving_service(database_url, tmp_path) as container:
        yield container


async def test_a_finished_basket_moves_to_a_file_that_holds_all_of_it(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    before = await rows_of(connection, basket_id)
    await publish_all(container)
    done = await archive(container)
    assert (done.baskets, done.events, len(done.files)) == (1, len(before), 1)
    assert await rows_of(connection, basket_id) == []
    assert await connection.fetch(VIEW, basket_id) == []
    events, manifest = files_in(container)
    lines = [json.loads(line) for line in gzip.decompress(events.read_bytes()).splitlines()]
    assert [(line["position"], line["version"], line["data"].encode()) for line in lines] == [
        (row["position"], row["version"], row["data"]) for row in before
    ]
    said = json.loads(manifest.read_bytes())
    assert (said["events"], said["baskets"][0]["basketId"]) == (len(before), basket_id)
    assert MARKER.encode() not in gzip.decompress(events.read_bytes())


async def test_a_basket_that_comes_back_is_as_before(container: Container, connection: asyncpg.Connection) -> None:
    basket_id = await a_finished_basket(container)
    rows, view = await rows_of(connection, basket_id), await connection.fetchrow(VIEW, basket_id)
    history = await container.basket_history.entries(basket_id)
    await publish_all(container)
    await archive(container)
    archived, entries = await container.archive.history(basket_id)
    assert [*entries] == [*history]
    assert archived.version == len(rows)
    for _ in range(2):
        assert await container.archive.restore([basket_id, "basket-unknown"]) in ({basket_id}, set())
        assert await rows_of(connection, basket_id) == rows
        assert await connection.fetchrow(VIEW, basket_id) == view
        assert await container.basket_history.entries(basket_id) == history


async def test_a_basket_that_came_back_is_not_archived_again_at_once(database_url: str, tmp_path: Path) -> None:
    async with archiving_service(database_url, tmp_path) as container:
        basket_id = await a_finished_basket(container)
        await publish_all(container)
        await archive(container)
        await container.archive.restore([basket_id])
    async with archiving_service(database_url, tmp_path, archive_after=0.0) as container:
        limits = await archiver(container).limits()
        (candidate,) = await container.archive_index.candidates(limits, None, 10)
        assert candidate.obstacle is None  # nothing to wait for, with this setting
        row = (await container.archive_index.find([basket_id]))[basket_id]
        assert row.restored_at is not None
        earlier = dataclasses.replace(limits, restored_before=row.restored_at - timedelta(seconds=1))
        (candidate,) = await container.archive_index.candidates(earlier, None, 10)
        assert candidate.obstacle == "restored"


async def test_nothing_moves_before_all_of_it_is_published_and_retired(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    last = (await rows_of(connection, basket_id))[-1]["position"]
    for position in (0, last - 1, last):  # the last published event always stays
        await checkpoint_at(container, position)
        done = await archive(container)
        assert (done.baskets, done.waiting) == (0, {"unpublished": 1})
    await publish_all(container)
    assert (await archive(container)).baskets == 1


async def test_an_open_basket_stays(container: Container) -> None:
    await project(container, await a_basket(container))
    await publish_all(container)
    done = await archive(container)
    assert (done.baskets, done.seen) == (0, 0)


async def test_a_basket_with_a_waiting_dead_letter_stays(container: Container, connection: asyncpg.Connection) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    letter = DeadLetter(MessageSource("t", 0, 1), basket_id.encode(), b"x", (), "unreadable", "no", basket_id)
    await container.blocked_baskets.record([letter])
    assert (await archive(container)).waiting == {"dead_letter": 1}
    assert await container.archive_index.move("f", {basket_id: EVENTS}) == set()
    assert len(await rows_of(connection, basket_id)) == EVENTS


async def test_a_basket_that_changes_after_its_file_was_written_stays(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    assert await container.archive_index.move("f", {basket_id: EVENTS - 1}) == set()
    assert len(await rows_of(connection, basket_id)) == EVENTS


async def test_nothing_moves_while_views_are_rebuilt(container: Container, connection: asyncpg.Connection) -> None:
    basket_id = await a_finished_basket(container)
    async with container.leadership.hold("rebuild basket-views"):
        assert await container.archive_index.move("f", {basket_id: EVENTS}) == set()
    assert await container.archive_index.move("f", {basket_id: EVENTS}) == {basket_id}


async def test_personal_data_that_is_not_encrypted_never_gets_into_a_file(database_url: str, tmp_path: Path) -> None:
    async with archiving_service(database_url, tmp_path, sealing=False) as container:
        await a_finished_basket(container)
        await publish_all(container)
        done = await archive(container)
        assert (done.baskets, done.waiting, files_in(container)) == (0, {"personal_data": 1}, [])


async def test_a_partner_is_told_that_there_is_no_such_basket_and_an_operator_where_it_is(
    container: Container,
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    await archive(container)
    container.handlers.drop()
    with pytest.raises(BasketNotFound) as told:
        await container.handlers.update(update(basket_id, add("o-3")), caller(), lambda _: pytest.fail("rendered"))
    assert not isinstance(told.value, BasketArchived)
    promise = BasketPromise(basket_id, 6, "acme", None, None, "", utc_now(), utc_now())
    for read in (
        container.basket_history.entries(basket_id),
        container.as_of_validator.at_version(basket_id, 2),
        container.promise_checker.check(promise, "token"),
    ):
        with pytest.raises(BasketArchived, match=f"checkout archive restore {basket_id}"):
            await read


async def test_a_process_that_still_has_the_basket_in_memory_appends_nothing_to_it(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    await archive(container)
    with pytest.raises(BasketNotFound):
        await container.handlers.validate(validate(basket_id), caller(), render)
    assert await rows_of(connection, basket_id) == []


async def test_repeated_messages_of_an_archived_basket_make_no_view(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    stored = await container.event_store.read_events(basket_id)
    await publish_all(container)
    await archive(container)
    assert await container.blocked_baskets.blocked([basket_id]) == {basket_id}
    events = decode_all(b"[" + b",".join(event.data for event in stored) + b"]")
    with pytest.raises(ProjectionContended):  # where the message overtook the archive
        await container.projection.apply({basket_id: events})
    assert await connection.fetch(VIEW, basket_id) == []


async def test_a_file_that_is_damaged_brings_nothing_back(container: Container, connection: asyncpg.Connection) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    (name,) = (await archive(container)).files
    events, manifest = files_in(container)
    whole = events.read_bytes()
    said = json.loads(manifest.read_bytes())
    forged = gzip.compress(gzip.decompress(whole).replace(b"o-1", b"o-9"))
    others = gzip.compress(gzip.decompress(whole).replace(basket_id.encode(), b"basket-other"))
    for damaged, also in (
        (whole[:-1], {}),
        (b"", {}),
        (bytes([*whole[:40], whole[40] ^ 1, *whole[41:]]), {}),
        (None, {}),
        (whole, None),
        (whole, {"events": EVENTS - 1}),
        (whole, {"baskets": "none"}),
        *((content, {"bytes": len(content), "sha256": sha256(content).hexdigest()}) for content in (forged, others)),
        (b"no gzip", {"bytes": 7, "sha256": sha256(b"no gzip").hexdigest()}),
    ):
        for path, content in (
            (events, damaged),
            (manifest, None if also is None else json.dumps({**said, **also}).encode()),
        ):
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        with pytest.raises(ArchiveDamaged, match=r"backup.*checkout archive verify") as refused:
            await container.archive.restore([basket_id])
        assert name in str(refused.value) or basket_id in str(refused.value)
        assert await rows_of(connection, basket_id) == []
        (problem,) = (await container.archive.verify(name)).problems
        assert name in problem
        assert "backup" in problem
    events.write_bytes(whole)
    manifest.write_text(json.dumps(said))
    assert not (await container.archive.verify(name)).problems
    assert await container.archive.restore([basket_id]) == {basket_id}


async def test_the_store_takes_back_only_what_was_archived(container: Container) -> None:
    basket_id = await a_finished_basket(container)
    stored = await container.archive_index.read([basket_id])
    await publish_all(container)
    await archive(container)
    for forged in ([*stored[:-1], replace(stored[-1], data=b"{}")], stored[:-1], [*stored[:-1], stored[0]]):
        with pytest.raises(ArchiveDamaged, match=basket_id):
            await container.archive_index.restore(forged)
    assert await container.archive_index.restore(stored) == {basket_id}
    assert await container.archive_index.restore(stored) == set()


async def test_a_folder_that_is_not_there_deletes_nothing(
    database_url: str, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    async with archiving_service(database_url, tmp_path, archive_folder=tmp_path / "not-mounted") as container:
        basket_id = await a_finished_basket(container)
        await publish_all(container)
        with pytest.raises(ArchiveUnavailable, match="CHECKOUT_ARCHIVE_FOLDER"):
            await archive(container)
        assert len(await rows_of(connection, basket_id)) == EVENTS
        assert not (tmp_path / "not-mounted").exists()


async def test_a_forgotten_person_stays_unreadable_in_files_and_in_what_comes_back_from_them(
    container: Container, connection: asyncpg.Connection
) -> None:
    forgotten, other = [await a_finished_basket(container, subject=subject) for subject in ("p-9", "p-8")]
    await publish_all(container)
    (name,) = (await archive(container)).files

    def in_the_clear() -> list[Path]:
        return [
            path
            for path in files_in(container)
            if MARKER.encode() in (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        ]

    async def readable(name: str, basket_id: str) -> bool:
        """Whether somebody who has the master key can read the person's data in the file."""
        _, events = await container.archive_files.read(name)
        stored = await decrypt_events(container.personal_data, [each for each in events if each.stream_id == basket_id])
        return any(MARKER.encode() in event.data for event in stored)

    assert in_the_clear() == []
    assert await readable(name, forgotten)
    await container.erasure.erase(Person(subject="p-9"), GRACE)

    async def forgets() -> bool:
        return not await readable(name, forgotten)

    await eventually(forgets)  # this process hears of the key's end by a notification
    assert await readable(name, other)

    await project(container, forgotten)
    await publish_all(container)
    (later,) = (await archive(container)).files
    for file in (name, later):
        assert not await readable(file, forgotten)
    assert in_the_clear() == []
    await container.archive.restore([forgotten])
    state = await container.basket_history.last(forgotten)
    assert MARKER not in str(state.basket.details)
    assert await tables_holding(connection) == set()


async def test_an_erasure_reaches_a_basket_in_the_archive(container: Container, connection: asyncpg.Connection) -> None:
    basket_id = await a_finished_basket(container, subject="p-9")
    other_id = await a_finished_basket(container, subject="p-8")
    await publish_all(container)
    assert (await archive(container)).baskets == 2
    by_person = await container.erasure.erase(Person(subject="p-9"), GRACE)
    by_id = await container.erasure.erase(BasketSelection(basket_ids=(other_id,)), GRACE)
    assert (by_person.basket_ids, by_id.basket_ids) == ((basket_id,), (other_id,))
    for each in (basket_id, other_id):
        assert (await rows_of(connection, each))[-1]["type"] == "checkout.basket-personal-data-forgotten.v1"
        state = await container.basket_history.last(each)
        assert MARKER not in str(state.basket.details)
    # What the file holds cannot be decrypted any more: the key is gone.
    assert await connection.fetchval("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL") == 1


class Killed(Exception):
    """The process is gone."""


class KilledIndex(PostgresArchiveIndex):
    """Its process is killed before, or after, it moves the baskets."""

    moves_first = False

    async def move(self, file: str, versions: Mapping[str, int]) -> Collection[str]:
        if self.moves_first:
            await super().move(file, versions)
        raise Killed


@pytest.mark.parametrize("moves_first", [False, True])
async def test_a_crash_leaves_each_basket_wholly_in_the_store_or_wholly_in_the_archive(
    container: Container, connection: asyncpg.Connection, moves_first: bool
) -> None:
    basket_id = await a_finished_basket(container)
    rows = await rows_of(connection, basket_id)
    await publish_all(container)
    container.archive_index = KilledIndex(container.database)
    container.archive_index.moves_first = moves_first
    with pytest.raises(Killed):
        await archive(container)
    container.archive_index = PostgresArchiveIndex(container.database)
    assert await rows_of(connection, basket_id) == ([] if moves_first else rows)
    (left,) = {path.name.partition(".")[0] for path in files_in(container)}
    leftovers = await archiver(container).delete_leftovers()
    assert leftovers == ([] if moves_first else [left])
    await archive(container)
    assert await container.archive.restore([basket_id]) == {basket_id}
    assert await rows_of(connection, basket_id) == rows


@pytest.mark.parametrize("left", ["{}.jsonl.gz.0123", "{}.jsonl.gz", "{}.manifest.json.4567"])
async def test_a_file_that_was_cut_off_while_it_was_written_is_deleted(container: Container, left: str) -> None:
    assert container.settings.archive_folder is not None
    (container.settings.archive_folder / left.format("baskets-cut-off")).write_bytes(b"half")
    assert await archiver(container).delete_leftovers() == ["baskets-cut-off"]
    assert files_in(container) == []


async def test_a_file_of_another_database_is_never_deleted(container: Container) -> None:
    basket_id = await a_finished_basket(container)
    events = await container.archive_index.read([basket_id])
    foreign = [replace(event, stream_id="basket-of-another-store") for event in events]
    await container.archive_files.write("foreign", foreign, {"basket-of-another-store": "acme"})
    assert await archiver(container).delete_leftovers() == []
    assert len(files_in(container)) == 2


async def test_only_the_functions_of_the_archive_delete_events(
    connection: asyncpg.Connection, container: Container
) -> None:
    await a_finished_basket(container)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM events")
