"""The projections of the catalogue, built from its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import asyncpg

from adapters.postgres import catalogue_sql
from adapters.postgres.catalogue_learning import Entry, project, read_facts
from adapters.postgres.rebuilding import catalogue_rows_sql as sql
from adapters.postgres.rebuilding.target import SAMPLES_OF_A_KIND, Folded, Page
from domain.catalogue.facts import FACT
from domain.operating.rebuilding import RebuildComparison, RebuildDifference, RebuildTarget
from domain.ports import Source

FACTS_AT_ONCE = 2_000

NOWHERE = Source("", 0, 0)
"""Where a fact came from matters to its record alone."""


class CatalogueTarget:
    """Target. Rows take the newest fact, in whatever order facts come, so that ranges of positions are built at the
    same time."""

    name: RebuildTarget = "catalogue"
    reader_settings: Mapping[str, str] = {"jit": "off"}
    tables: Sequence[str] = (
        *("catalogue_offers", "catalogue_prices"),
        *("catalogue_availability", "catalogue_policies"),
    )
    pages_stand_alone = False

    def layout(self) -> str:
        said = json.dumps(FACT.json_schema(), sort_keys=True)
        return blake2b(said.encode(), digest_size=16).hexdigest()

    async def position(self, connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(sql.POSITION)
        return position

    async def cuts(self, connection: asyncpg.Connection, parts: int) -> Sequence[str]:
        last = await self.position(connection)
        return [_key(last * number // parts) for number in range(1, parts)] + [_key(last)]

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> Page:
        rows = await connection.fetch(sql.READ, int(after or 0), int(upto), FACTS_AT_ONCE)
        last = len(rows) < FACTS_AT_ONCE
        return Page(upto if last else _key(rows[-1][0]), last, len(rows), rows)

    async def fold(self, connection: asyncpg.Connection, page: Page) -> Folded:
        facts = read_facts(row[1] for row in page.content)
        return Folded([Entry.of(fact, NOWHERE) for fact in facts], len(facts), page.events)

    async def put(self, connection: asyncpg.Connection, folded: Folded) -> None:
        await project(connection, folded.content)

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> int:
        touched, after = 0, _key(position)
        while True:
            page = await self.read(connection, after, _key(upto), FACTS_AT_ONCE)
            async with connection.transaction():
                await self.put(connection, await self.fold(connection, page))
            touched, after = touched + page.events, page.reached
            if page.last:
                return touched

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        upto = await self.position(connection)
        await self.catch_up(connection, since, upto)
        return upto

    async def compare(self, connection: asyncpg.Connection, after: str, upto: str) -> RebuildComparison:
        counts: dict[str, int] = {}
        samples: list[RebuildDifference] = []
        for kind, count, subjects, live, rebuilt in await connection.fetch(sql.COMPARE, SAMPLES_OF_A_KIND):
            counts[kind] = count
            if kind != "same":
                samples += [
                    RebuildDifference(
                        subject=subject, kind=kind, live_version=held, rebuilt_version=made, words=WORDS[kind]
                    )
                    for subject, held, made in zip(subjects, live, rebuilt, strict=True)
                ]
        return RebuildComparison(samples=tuple(samples), **counts)

    async def announce(self, connection: asyncpg.Connection) -> None:
        await connection.execute(catalogue_sql.NOTIFY, catalogue_sql.CHANNEL, catalogue_sql.EVERYTHING)


WORDS = {
    "differs": "says something else than its fact",
    "missing": "is in no projection",
    "surplus": "is in a projection and no fact says so",
    "stale": "is older than the newest fact",
    "live_ahead": "went on meanwhile",
}


def _key(position: int) -> str:
    """In the order of the positions."""
    return f"{position:020d}"
