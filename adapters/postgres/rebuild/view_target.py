"""The basket views, and the names that open baskets use, built from the event store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter

import asyncpg

from adapters.postgres.read_models.basket_views import view_of_row
from adapters.postgres.rebuild import view_target_sql as sql
from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.target_tables import FoldedPage, SourcePage
from domain.basket.events import BasketValidated
from domain.basket.snapshot import BasketSnapshot
from domain.basket.view_fold import ProjectedView, project, project_structs
from domain.operators.rebuild import RebuildComparison, RebuildDifference, RebuildTarget, view_difference
from domain.operators.verify.compare import compare_view
from domain.ports.read_models import BasketView

MAX_ID = "\U0010ffff"
"""No stream's id is greater."""

COLUMN_NAMES = tuple(field.name for field in fields(BasketView) if field.name != "uses")
"""The columns of a view are the fields of `BasketView`; the names that it uses are a table of their own."""

EVENTS_SAMPLED_FOR_CUTS = 20_000
BATCH_STREAMS = 500

_values = attrgetter(*COLUMN_NAMES)


class BasketViewsTarget:
    """TargetTables."""

    name: RebuildTarget = "basket-views"
    reader_settings: Mapping[str, str] = sql.READER_SETTINGS
    tables: Sequence[str] = ("basket_views", "open_basket_uses")
    pages_stand_alone = True

    def __init__(self, slot: Slot) -> None:
        """The search path of its sessions must begin with this slot."""
        self._slot = slot

    def layout(self) -> str:
        layout = json.dumps([COLUMN_NAMES, BasketSnapshot.model_json_schema()], sort_keys=True)
        return blake2b(layout.encode(), digest_size=16).hexdigest()

    async def position(self, connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(sql.POSITION)
        return position

    async def cuts(self, connection: asyncpg.Connection, ranges: int) -> Sequence[str]:
        total = await self.position(connection)
        percent = min(100.0, 100.0 * EVENTS_SAMPLED_FOR_CUTS / max(total, 1))
        fractions = [number / ranges for number in range(1, ranges)]
        found = await connection.fetchval(sql.CUTS, fractions, percent) if fractions else ()
        return [*sorted({cut for cut in found or () if cut is not None}), MAX_ID]

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> SourcePage:
        streams = max(1, most)
        rows = await connection.fetch(sql.READ_RANGE, after, upto, streams, BasketValidated.TOPIC)
        last = len(rows) < streams
        return SourcePage(upto if last else rows[-1][0], last, sum(row[2] for row in rows), rows)

    async def fold(self, connection: asyncpg.Connection, page: SourcePage) -> FoldedPage:
        return await self._fold(connection, page.content)

    async def put(self, connection: asyncpg.Connection, folded: FoldedPage) -> None:
        await self._copy(connection, folded.content)

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> None:
        touched = await connection.fetch(sql.TOUCHED, position, upto)
        brought_back = await connection.fetch(sql.BROUGHT_BACK)
        streams = sorted({row[0] for row in (*touched, *brought_back)})
        for start in range(0, len(streams), BATCH_STREAMS):
            # From the built rows on: a long history costs no more than its new events.
            rows = await connection.fetch(sql.READ_ON, streams[start : start + BATCH_STREAMS])
            projected = [await self._project(connection, *row) for row in rows if row[2] is not None]
            await self._replace(connection, [each.view for each in projected if each.view is not None])

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        # Every outdated view, not those of events since then: kept views lag as live ones do.
        async with connection.transaction(isolation="repeatable_read"):
            position = await self.position(connection)
            rows = await connection.fetch(sql.OUTDATED, timeout=3600)
        async for folded in self.folded(connection, sorted(row[0] for row in rows)):
            await self._replace(connection, folded.content)
        return position

    async def folded(self, connection: asyncpg.Connection, streams: Sequence[str]) -> AsyncIterator[FoldedPage]:
        """The views of given streams, a batch at a time."""
        for start in range(0, len(streams), BATCH_STREAMS):
            batch = streams[start : start + BATCH_STREAMS]
            rows = await connection.fetch(sql.READ_STREAMS, batch, BasketValidated.TOPIC)
            yield await self._fold(connection, rows)

    async def compare(self, connection: asyncpg.Connection, after: str, upto: str) -> RebuildComparison:
        ((identical, others),) = await connection.fetch(sql.COMPARE, after, upto)
        differences: list[RebuildDifference | None] = []
        ids = sorted(others or ())
        for start in range(0, len(ids), BATCH_STREAMS):
            batch = ids[start : start + BATCH_STREAMS]
            rows = await connection.fetch(sql.BUILT_VIEWS, batch)
            built = {row["basket_id"]: view_of_row(row, row["snapshot"], row["uses"]) for row in rows}
            differences += await compare_live_views(connection, batch, built)
        found = [each for each in differences if each is not None]
        return RebuildComparison.of(found, identical + len(differences) - len(found))

    async def announce(self, connection: asyncpg.Connection) -> None:
        """Nobody caches basket views as such."""

    async def _project(
        self, connection: asyncpg.Connection, stream_id: str, snapshot: bytes | None, documents: bytes
    ) -> ProjectedView:
        """The view after the documents that follow a snapshot, or after all of them. What is odd is read whole."""
        view = project_structs(stream_id, documents, snapshot)
        if view is not None:
            return ProjectedView(view)
        rows = await connection.fetch(sql.READ_WHOLE, stream_id)
        return project((row["version"], row["data"]) for row in rows)

    async def _replace(self, connection: asyncpg.Connection, views: Sequence[BasketView]) -> None:
        """Writes rows in the place of older ones, and where there are none."""
        ids = [view.basket_id for view in views]
        async with connection.transaction():
            await connection.execute(sql.DELETE_OLDER, ids, [view.version for view in views])
            present = {row["basket_id"] for row in await connection.fetch(sql.VERSIONS, ids)}
            new = [view for view in views if view.basket_id not in present]
            await connection.execute(sql.DELETE_USES, [view.basket_id for view in new if view.uses is not None])
            await self._copy(connection, new)

    async def _fold(self, connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> FoldedPage:
        views: list[BasketView] = []
        unfoldable: list[RebuildDifference] = []
        for stream_id, documents, _ in rows:
            projected = await self._project(connection, stream_id, None, documents)
            if projected.stuck is not None:
                unfoldable.append(_unfoldable(stream_id, projected.view, projected.stuck.version))
            if projected.view is not None:
                views.append(projected.view)
        return FoldedPage(views, len(views), sum(row[2] for row in rows), unfoldable)

    async def _copy(self, connection: asyncpg.Connection, views: Sequence[BasketView]) -> None:
        if views:
            rows = (tuple(map(_as_stored, _values(view))) for view in views)
            await connection.copy_records_to_table(
                "basket_views", records=rows, columns=COLUMN_NAMES, schema_name=self._slot
            )
            pairs = ((view.basket_id, name) for view in views for name in view.uses or ())
            await connection.copy_records_to_table(
                "open_basket_uses", records=pairs, columns=("basket_id", "name"), schema_name=self._slot
            )


async def compare_live_views(
    connection: asyncpg.Connection, basket_ids: Sequence[str], expected: Mapping[str, BasketView]
) -> list[RebuildDifference | None]:
    """Compares the live views of baskets with the expected ones, for each basket that has either; None: they are
    the same."""
    differences = []
    for row in await connection.fetch(sql.LIVE_VIEWS, basket_ids):
        view = expected.get(row["id"])
        live = view_of_row(row, row["snapshot"], row["uses"]) if row["version"] is not None else None
        if live is None and view is None:
            continue
        differences.append(
            view_difference(
                row["id"],
                compare_view(live, view, row["stream_version"]).kind,
                live.version if live is not None else None,
                view.version if view is not None else None,
                settled=view is not None and view.modified < row["settled_before"],
            )
        )
    return differences


def _unfoldable(stream_id: str, view: BasketView | None, version: int) -> RebuildDifference:
    # The error's message may quote the event, and with it personal data.
    return RebuildDifference(
        subject=stream_id,
        kind="unfoldable",
        live_version=None,
        rebuilt_version=view.version if view is not None else None,
        words=f"the event at version {version} cannot be folded",
    )


def _as_stored(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value
