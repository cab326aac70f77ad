"""The basket views, and what open baskets are found by, built from the event store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter

import asyncpg

from adapters.postgres.rebuild import view_target_sql as sql
from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.target import SAMPLES_PER_KIND, FoldedPage, SourcePage
from domain.basket.events import BasketValidated
from domain.basket.fast_projection import catch_up, project_canonical
from domain.basket.projection import ProjectedView, project
from domain.basket.snapshot import BasketSnapshot
from domain.operators.rebuild import RebuildComparison, RebuildDifference, RebuildTarget
from domain.ports.read_models import BasketView

MAX_ID = "\U0010ffff"
"""No stream's id is greater."""

COLUMN_NAMES = tuple(field.name for field in fields(BasketView) if field.name != "uses")
"""The columns of a view are the fields of `BasketView`; what it is found by is a table of its own."""

EVENTS_SAMPLED_FOR_CUTS = 20_000
BATCH_STREAMS = 500


class BasketViewsTarget:
    """Target."""

    name: RebuildTarget = "basket-views"
    reader_settings: Mapping[str, str] = sql.READER_SETTINGS
    tables: Sequence[str] = ("basket_views", "open_basket_uses")
    pages_stand_alone = True

    def __init__(self, room: Slot) -> None:
        """Its sessions must look for tables in this room first."""
        self._room = room

    def layout(self) -> str:
        said = json.dumps([COLUMN_NAMES, BasketSnapshot.model_json_schema()], sort_keys=True)
        return blake2b(said.encode(), digest_size=16).hexdigest()

    async def position(self, connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(sql.POSITION)
        return position

    async def cuts(self, connection: asyncpg.Connection, parts: int) -> Sequence[str]:
        total = await self.position(connection)
        percent = min(100.0, 100.0 * EVENTS_SAMPLED_FOR_CUTS / max(total, 1))
        fractions = [number / parts for number in range(1, parts)]
        found = await connection.fetchval(sql.CUTS, fractions, percent) if fractions else ()
        return [*sorted({cut for cut in found or () if cut is not None}), MAX_ID]

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> SourcePage:
        streams = max(1, most)
        rows = await connection.fetch(sql.READ_RANGE, after, upto, streams, BasketValidated.TOPIC)
        last = len(rows) < streams
        reached = upto if last else rows[-1][0]
        return SourcePage(reached, last, sum(row[2] for row in rows), rows)

    async def fold(self, connection: asyncpg.Connection, page: SourcePage) -> FoldedPage:
        return await self._fold(connection, page.content)

    async def put(self, connection: asyncpg.Connection, folded: FoldedPage) -> None:
        await self._copy(connection, folded.content)

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> int:
        rows = await connection.fetch(sql.TOUCHED, position, upto)
        streams = sorted({row[0] for row in rows})
        for start in range(0, len(streams), BATCH_STREAMS):
            # From the built rows on: a long history costs no more than what came meanwhile.
            read = await connection.fetch(sql.READ_ON, streams[start : start + BATCH_STREAMS])
            views = [await self._brought_on(connection, *row) for row in read if row[2] is not None]
            await self._replace(connection, [view for view in views if view is not None])
        return len(streams)

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        # Not since then: views lag, and what had not arrived by then arrived at others.
        async with connection.transaction(isolation="repeatable_read"):
            position = await self.position(connection)
            rows = await connection.fetch(sql.NOT_AT_THE_STORES_VERSION, timeout=3600)
        async for folded in self.folded(connection, sorted(row[0] for row in rows)):
            await self._replace(connection, folded.content)
        return position

    async def folded(
        self, connection: asyncpg.Connection, streams: Sequence[str]
    ) -> AsyncIterator[FoldedPage]:
        """The views of these streams, some at a time."""
        for start in range(0, len(streams), BATCH_STREAMS):
            asked = streams[start : start + BATCH_STREAMS]
            rows = await connection.fetch(sql.READ_STREAMS, asked, BasketValidated.TOPIC)
            yield await self._fold(connection, rows)

    async def compare(
        self,
        connection: asyncpg.Connection,
        after: str,
        upto: str,
        only: Sequence[str] | None = None,
        samples_of_a_kind: int = SAMPLES_PER_KIND,
    ) -> RebuildComparison:
        counts: dict[str, int] = {}
        samples: list[RebuildDifference] = []
        for kind, count, ids, live, rebuilt in await connection.fetch(
            sql.COMPARE, after, upto, only, samples_of_a_kind
        ):
            counts[kind] = count
            if kind != "same":
                samples += [
                    RebuildDifference(
                        subject=id, kind=kind, live_version=held, rebuilt_version=made, words=WORDS[kind]
                    )
                    for id, held, made in zip(ids, live, rebuilt, strict=True)
                ]
        return RebuildComparison(samples=tuple(samples), **counts)

    async def announce(self, connection: asyncpg.Connection) -> None:
        """Nobody remembers basket views as such."""

    async def _brought_on(
        self, connection: asyncpg.Connection, stream_id: str, snapshot: bytes | None, documents: bytes
    ) -> BasketView | None:
        """The view after the documents that follow a snapshot; None where there is nothing to fold."""
        quick = project_canonical(stream_id, documents) if snapshot is None else catch_up(snapshot, documents)
        if quick is not None:
            return quick
        rows = await connection.fetch(sql.READ_WHOLE, stream_id)
        return project((row["version"], row["data"]) for row in rows).view

    async def _replace(self, connection: asyncpg.Connection, views: Sequence[BasketView]) -> None:
        """Puts rows in the place of older ones, or where there are none."""
        ids = [view.basket_id for view in views]
        async with connection.transaction():
            await connection.execute(sql.MAKE_ROOM, ids, [view.version for view in views])
            held = {row["basket_id"] for row in await connection.fetch(sql.VERSIONS, ids)}
            made = [view for view in views if view.basket_id not in held]
            await connection.execute(sql.MAKE_ROOM_OF_USES, [view.basket_id for view in made])
            await self._copy(connection, made)

    async def _fold(self, connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> FoldedPage:
        views: list[BasketView] = []
        unfoldable: list[RebuildDifference] = []
        for stream_id, documents, _ in rows:
            view = project_canonical(stream_id, documents)
            if view is None:
                refolded = project(tuple(row) for row in await connection.fetch(sql.READ_WHOLE, stream_id))
                view = refolded.view
                if refolded.stuck is not None:
                    unfoldable.append(_unfoldable(stream_id, refolded))
            if view is not None:
                views.append(view)
        return FoldedPage(views, len(views), sum(row[2] for row in rows), unfoldable)

    async def _copy(self, connection: asyncpg.Connection, views: Sequence[BasketView]) -> None:
        """Adds rows to the built tables."""
        if views:
            rows = (tuple(map(_as_stored, _values(view))) for view in views)
            await connection.copy_records_to_table(
                "basket_views", records=rows, columns=COLUMN_NAMES, schema_name=self._room
            )
            pairs = ((view.basket_id, name) for view in views for name in view.uses or ())
            await connection.copy_records_to_table(
                "open_basket_uses", records=pairs, columns=("basket_id", "name"), schema_name=self._room
            )


WORDS = {
    "differs": "says something else than its events",
    "missing": "has no view",
    "surplus": "has a view and no events",
    "stale": "its view stands still",
    "live_behind": "its view comes after in a moment",
    "live_ahead": "went on meanwhile",
}


def _unfoldable(stream_id: str, refolded: ProjectedView) -> RebuildDifference:
    assert refolded.stuck is not None  # noqa: S101  (for the type checker)
    return RebuildDifference(
        subject=stream_id,
        kind="unfoldable",
        live_version=None,
        rebuilt_version=refolded.view.version if refolded.view else None,
        # The error itself may repeat what the event says.
        words=f"the event at version {refolded.stuck.version} cannot be folded",
    )


_values = attrgetter(*COLUMN_NAMES)


def _as_stored(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value
