"""The catalogue's projections, built from its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import asyncpg

from adapters.postgres.catalogue import statements
from adapters.postgres.catalogue.fact_tables import FactRow, project, read_facts
from adapters.postgres.rebuild import catalogue_target_sql as sql
from adapters.postgres.rebuild.target_tables import FoldedPage, SourcePage
from domain.catalogue.facts import FACT
from domain.operators.rebuild import SAMPLES_PER_KIND, RebuildComparison, RebuildDifference, RebuildTarget
from domain.shared.values import MessageSource

BATCH_FACTS = 2_000

NO_SOURCE = MessageSource("", 0, 0)
"""Projections do not hold where a fact came from."""

WORDS = {
    "differs": "says something else than its fact",
    "missing": "is in no projection",
    "surplus": "is in a projection and no fact says so",
    "stale": "is older than the newest fact",
    "live_ahead": "went on meanwhile",
}


class CatalogueTarget:
    """TargetTables. A row takes the newest fact, in whatever order facts come, so that several processes can build
    ranges of positions."""

    name: RebuildTarget = "catalogue"
    reader_settings: Mapping[str, str] = {"jit": "off"}
    tables: Sequence[str] = (
        *("catalogue_offers", "catalogue_prices"),
        *("catalogue_availability", "catalogue_policies"),
    )
    pages_stand_alone = False

    def layout(self) -> str:
        layout = json.dumps(FACT.json_schema(), sort_keys=True)
        return blake2b(layout.encode(), digest_size=16).hexdigest()

    async def position(self, connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(sql.POSITION)
        return position

    async def cuts(self, connection: asyncpg.Connection, ranges: int) -> Sequence[str]:
        last = await self.position(connection)
        return [_key(last * number // ranges) for number in range(1, ranges)] + [_key(last)]

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> SourcePage:
        rows = await connection.fetch(sql.READ, int(after or 0), int(upto), BATCH_FACTS)
        last = len(rows) < BATCH_FACTS
        return SourcePage(upto if last else _key(rows[-1][0]), last, len(rows), rows)

    async def fold(self, connection: asyncpg.Connection, page: SourcePage) -> FoldedPage:
        documents = [row[1] for row in page.content]
        # Rows keep the documents as they were recorded: an older release wrote fewer members.
        rows = [
            FactRow.of(fact, NO_SOURCE, document.decode())
            for fact, document in zip(read_facts(documents), documents, strict=True)
        ]
        return FoldedPage(rows, len(rows), page.events)

    async def put(self, connection: asyncpg.Connection, folded: FoldedPage) -> None:
        await project(connection, folded.content)

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> None:
        after = _key(position)
        while True:
            page = await self.read(connection, after, _key(upto), BATCH_FACTS)
            async with connection.transaction():
                await self.put(connection, await self.fold(connection, page))
            after = page.reached
            if page.last:
                return

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        upto = await self.position(connection)
        await self.catch_up(connection, since, upto)
        return upto

    async def compare(self, connection: asyncpg.Connection, after: str, upto: str) -> RebuildComparison:
        """Compares all rows, whatever the range."""
        rows = await connection.fetch(sql.COMPARE, SAMPLES_PER_KIND)
        samples = [
            RebuildDifference(subject=subject, kind=kind, live_version=live, rebuilt_version=built, words=WORDS[kind])
            for kind, _, *columns in rows
            if kind != "same"
            for subject, live, built in zip(*columns, strict=True)
        ]
        return RebuildComparison(samples=tuple(samples), **{row[0]: row[1] for row in rows})

    async def announce(self, connection: asyncpg.Connection) -> None:
        await connection.execute(statements.NOTIFY, statements.CHANNEL, statements.EVERYTHING)


def _key(position: int) -> str:
    """Sorts as the positions do."""
    return f"{position:020d}"
