"""The contracts of every ArchiveIndex and every ArchiveFiles.

The suite of an index subclasses the first one and provides the fixtures `index`, `store`, `views`, `letters` and `runs`,
which belong together. That of files provides `files`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from domain.operators.republish.republish import Republications
from domain.ports.archive import (
    ArchiveDamaged,
    ArchivedBasket,
    ArchiveFiles,
    ArchiveIndex,
    ArchiveLimits,
    ArchiveSelection,
    Obstacle,
    digest_of,
)
from domain.ports.event_store import EventStore, StoredEvent
from domain.ports.messaging import DeadLetter, DeadLetters
from domain.ports.read_models import BasketViews
from domain.shared.values import MessageSource
from tests.builders.appends import a_stream, an_append
from tests.contracts.audit import action
from tests.contracts.basket_views import HOUR, NOON, a_view
from tests.contracts.republications import run

LATER = datetime.now(UTC) + timedelta(days=1)
EVERYTHING = ArchiveLimits(LATER, 2**62, 2**62, LATER)
"""All is published and retired, and old enough."""
ALL = ArchiveSelection()


class ArchiveIndexContract:
    @pytest.fixture(autouse=True)
    def _parts(self, store: EventStore, views: BasketViews) -> None:
        self._store, self._views = store, views

    async def a_basket(self, *, status: str = "cancelled", view_version: int = 2, **values: Any) -> list[StoredEvent]:
        """The two events of a basket that has a view."""
        stream = a_stream()
        await self._store.append(an_append(stream, 0, "begun", "ended"))
        await self._views.advance([(0, a_view(view_version, basket_id=stream, status=status, **values))])
        return [*await self._store.read_events(stream)]

    async def archived(self, index: ArchiveIndex, file: str = "file-1", **values: Any) -> list[StoredEvent]:
        """The events of a basket that moved to this file."""
        events = await self.a_basket(**values)
        assert {*await index.move(file, {events[0].stream_id: 2})} == {events[0].stream_id}
        return events

    async def test_baskets_that_are_over_are_candidates_from_the_one_that_rested_longest(
        self, index: ArchiveIndex
    ) -> None:
        second, third = [await self.a_basket(modified=NOON + hours * HOUR) for hours in (1, 2)]
        first = await self.a_basket(status="completed", partner="globex")
        await self.a_basket(status="open")
        await self.a_basket(modified=LATER + HOUR)
        whole = await index.candidates(EVERYTHING, None, 10)
        assert [each.basket_id for each in whole] == [events[0].stream_id for events in (first, second, third)]
        assert [(each.partner, each.version, each.obstacle) for each in whole] == [
            ("globex", 2, None),
            ("acme", 2, None),
            ("acme", 2, None),
        ]
        page = await index.candidates(EVERYTHING, None, 1)
        page = await index.candidates(EVERYTHING, (page[-1].modified, page[-1].basket_id), 10)
        assert [each.basket_id for each in page] == [second[0].stream_id, third[0].stream_id]

    async def obstacle(self, index: ArchiveIndex, limits: ArchiveLimits = EVERYTHING) -> Obstacle | None:
        (candidate,) = await index.candidates(limits, None, 10)
        return candidate.obstacle

    async def test_a_basket_waits_until_all_of_it_is_published_and_retired(self, index: ArchiveIndex) -> None:
        last = (await self.a_basket())[-1]
        for limits in (
            replace(EVERYTHING, published=last.position),  # the last published event always stays
            replace(EVERYTHING, retired=last.position - 1),
            replace(EVERYTHING, before=last.recorded_at - timedelta(microseconds=1)),
        ):
            assert await self.obstacle(index, limits) == "unpublished"
        just_enough = replace(EVERYTHING, published=last.position + 1, retired=last.position, before=last.recorded_at)
        assert await self.obstacle(index, just_enough) is None

    async def test_a_basket_waits_for_its_view(self, index: ArchiveIndex) -> None:
        events = await self.a_basket(view_version=1)
        assert await self.obstacle(index) == "view_behind"
        for version in (1, 2):
            assert await index.move("file-1", {events[0].stream_id: version}) == set()

    async def test_a_basket_waits_for_its_dead_letters(self, index: ArchiveIndex, letters: DeadLetters) -> None:
        basket_id = (await self.a_basket())[0].stream_id
        source = MessageSource("topic", 0, 1)
        await letters.record([DeadLetter(source, basket_id.encode(), b"x", (), "unreadable", "no", basket_id)])
        assert await self.obstacle(index) == "dead_letter"
        assert await index.move("file-1", {basket_id: 2}) == set()

    async def test_a_basket_waits_for_every_republication_that_may_send_it(
        self, index: ArchiveIndex, runs: Republications
    ) -> None:
        await self.a_basket(status="open")
        first, last = await self.a_basket()
        basket_id = first.stream_id
        everything: dict[str, Any] = {"partner": None, "from_position": 1}
        elsewhere: Sequence[dict[str, Any]] = (
            {"partner": "globex"},
            {"basket_id": "basket-other"},
            {"from_position": last.position + 1},
            {"to_position": first.position - 1},
        )
        for number, others in enumerate(elsewhere):
            await runs.begin(run(f"other-{number}", **{**everything, **others}), action(10 + number))
        assert await self.obstacle(index) is None
        own = run("own", **everything)
        await runs.begin(own, action(1))
        assert await self.obstacle(index) == "republishing"
        assert await index.move("file-1", {basket_id: 2}) == set()
        await runs.end(own.model_copy(update={"ended_at": NOON}))
        assert await index.move("file-1", {basket_id: 2}) == {basket_id}

    async def test_a_basket_that_moves_leaves_the_store_and_the_views(self, index: ArchiveIndex) -> None:
        events, others = await self.a_basket(), await self.a_basket()
        basket_id = events[0].stream_id
        assert [*await index.read([basket_id])] == events
        assert await index.move("file-1", {basket_id: 2, others[0].stream_id: 1}) == {basket_id}
        assert await self._views.versions([basket_id]) == {}
        assert await index.in_store([basket_id, others[0].stream_id]) == {others[0].stream_id}
        assert [*await index.read([basket_id])] == []
        row = (await index.find([basket_id, others[0].stream_id]))[basket_id]
        assert row == ArchivedBasket(
            basket_id,
            "acme",
            "file-1",
            2,
            events[0].position,
            events[1].position,
            digest_of(events),
            row.archived_at,
            None,
        )

    async def test_an_open_basket_never_moves(self, index: ArchiveIndex) -> None:
        basket_id = (await self.a_basket(status="open"))[0].stream_id
        assert await index.move("file-1", {basket_id: 2}) == set()

    async def test_nothing_moves_to_a_file_that_was_given_up(self, index: ArchiveIndex) -> None:
        events = await self.a_basket()
        basket_id = events[0].stream_id
        for _ in range(2):
            assert await index.abandon("file-1")
        assert await index.move("file-1", {basket_id: 2}) == set()
        assert await index.move("file-2", {basket_id: 2}) == {basket_id}
        assert not await index.abandon("file-2")
        await index.restore(events)
        assert await index.abandon("file-2")

    async def test_a_basket_comes_back_with_all_its_events_at_their_old_positions(self, index: ArchiveIndex) -> None:
        events = await self.archived(index)
        basket_id = events[0].stream_id
        await self.a_basket()
        assert {*await index.restore(events)} == {basket_id}
        assert [*await self._store.read_events(basket_id)] == events
        row = (await index.find([basket_id]))[basket_id]
        assert row.restored_at is not None
        assert (await index.page(ALL, "", 10), await index.files()) == ([], set())
        for known in (events, await self.a_basket()):
            assert {*await index.restore(known)} == set()
        assert [*await self._store.read_events(basket_id)] == events

    async def test_a_basket_that_came_back_stays_for_a_while(self, index: ArchiveIndex) -> None:
        events = await self.archived(index)
        basket_id = events[0].stream_id
        await index.restore(events)
        await self._views.advance([(0, a_view(2, basket_id=basket_id, status="cancelled"))])
        restored_at = (await index.find([basket_id]))[basket_id].restored_at or NOON
        recently = replace(EVERYTHING, restored_before=restored_at - timedelta(seconds=1))
        assert await self.obstacle(index, recently) == "restored"
        assert await self.obstacle(index, replace(recently, restored_before=restored_at)) is None
        assert await index.move("file-2", {basket_id: 2}) == {basket_id}
        row = (await index.find([basket_id]))[basket_id]
        assert (row.file, row.restored_at) == ("file-2", None)

    async def test_nothing_else_comes_back_than_what_moved(self, index: ArchiveIndex) -> None:
        events, others = await self.archived(index), await self.archived(index)
        begun, ended = events
        for forged in (
            [begun],
            [begun, replace_struct(ended, data=b"{}")],
            [begun, replace_struct(ended, metadata=b"{}")],
            [begun, replace_struct(ended, type="test.other.v1")],
            [begun, replace_struct(ended, position=ended.position + 1000)],
            [begun, replace_struct(ended, recorded_at=NOON)],
        ):
            with pytest.raises(ArchiveDamaged, match=begun.stream_id):
                await index.restore([*others, *forged])
            assert await index.in_store([begun.stream_id, others[0].stream_id]) == set()

    async def test_the_archive_is_listed_and_counted_by_owner_and_position(self, index: ArchiveIndex) -> None:
        first = await self.archived(index)
        second = await self.archived(index, "file-2", partner="globex")
        third = await self.archived(index)
        ids = sorted(events[0].stream_id for events in (first, second, third))

        async def found(selection: ArchiveSelection) -> set[str]:
            rows = await index.page(selection, "", 10)
            assert await index.count(selection) == len(rows)
            return {row.basket_id for row in rows}

        assert [row.basket_id for row in await index.page(ALL, "", 10)] == ids
        assert [row.basket_id for row in await index.page(ALL, ids[0], 1)] == ids[1:2]
        assert await found(ArchiveSelection("globex")) == {second[0].stream_id}
        assert await found(ArchiveSelection(from_position=second[1].position)) == {
            second[0].stream_id,
            third[0].stream_id,
        }
        assert await found(ArchiveSelection(to_position=second[0].position)) == {
            first[0].stream_id,
            second[0].stream_id,
        }
        assert await found(ArchiveSelection("acme", second[0].position, second[1].position)) == set()
        assert {row.basket_id for row in await index.of_file("file-1")} == {first[0].stream_id, third[0].stream_id}
        assert await index.files() == {"file-1", "file-2"}


class ArchiveFilesContract:
    @pytest.fixture
    def events(self) -> list[StoredEvent]:
        """Of two baskets."""
        return [
            StoredEvent(position, stream, version, "test.v1", data, b'{"partner":"acme"}', NOON)
            for position, stream, version, data in (
                (7, "basket-1", 1, b'{"name":"a"}'),
                (9, "basket-1", 2, '{"name": "\\u00fc", "n": 1.0, "said": "ü\\n"}'.encode()),
                (8, "basket-2", 1, b"{}"),
            )
        ]

    async def test_what_was_written_comes_back_byte_for_byte(
        self, files: ArchiveFiles, events: list[StoredEvent]
    ) -> None:
        written = await files.write("file-1", events, {"basket-1": "acme", "basket-2": "globex"})
        manifest, found = await files.read("file-1")
        assert [*found] == events
        assert manifest == written == await files.manifest("file-1")
        assert (manifest.events, manifest.first_position, manifest.last_position) == (3, 7, 9)
        assert [(each.basket_id, each.partner, each.events) for each in manifest.baskets] == [
            ("basket-1", "acme", 2),
            ("basket-2", "globex", 1),
        ]

    async def test_a_file_of_the_same_name_is_replaced(self, files: ArchiveFiles, events: list[StoredEvent]) -> None:
        partners = {"basket-1": "acme", "basket-2": "acme"}
        await files.write("file-1", events, partners)
        await files.write("file-1", events[:2], partners)
        assert [*(await files.read("file-1"))[1]] == events[:2]
        assert await files.names() == {"file-1"}

    async def test_a_deleted_file_is_gone(self, files: ArchiveFiles, events: list[StoredEvent]) -> None:
        for name in ("file-1", "file-2"):
            await files.write(name, events, {"basket-1": "acme", "basket-2": "acme"})
        for _ in range(2):
            await files.delete("file-1")
        assert await files.names() == {"file-2"}
        assert await files.manifest("file-1") is None
        with pytest.raises(ArchiveDamaged, match=r"file-1.*backup"):
            await files.read("file-1")
