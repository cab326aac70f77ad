"""Mends what was derived from baskets' events, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import (
    MAKE,
    REPLACE_USES,
    columns_of,
    uses_of_views,
)
from domain.operators.verify.repair import Repair, RepairAction
from domain.ports.read_models import BasketView

# The versions of some views, which stay as they are until the end of the transaction. The order keeps two writers
# from waiting for each other in a circle.
LOCK = "SELECT basket_id, version FROM basket_views WHERE basket_id = ANY($1::text[]) ORDER BY basket_id FOR UPDATE"

# Takes rows away that are made anew. Whoever waits for one of them to move it finds it gone.
REMOVE = "DELETE FROM basket_views WHERE basket_id = ANY($1::text[])"

# Nobody appends until the end of the transaction: the lock of append_events().
HOLD_APPENDS = "SELECT pg_advisory_xact_lock(7208041002)"

# Where streams end.
STREAM_VERSIONS = """
SELECT asked.id, (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = asked.id) AS version
  FROM unnest($1::text[]) AS asked (id)
"""

# The names that some baskets hold. There is no index for it: every initiate would have to keep one.
CLAIMS_OF = "SELECT name, stream_id FROM claims WHERE stream_id = ANY($1::text[])"

# Gives names back that their baskets do not hold any more.
RELEASE = """
DELETE FROM claims USING unnest($1::text[], $2::text[]) AS left_behind (name, stream_id)
 WHERE claims.name = left_behind.name AND claims.stream_id = left_behind.stream_id
RETURNING claims.stream_id
"""

# Claims names that nobody holds.
CLAIM = """
INSERT INTO claims (name, stream_id) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (name) DO NOTHING
RETURNING stream_id
"""

EncryptViews = Callable[[Sequence[tuple[int, BasketView]]], Awaitable[Sequence[tuple[int, BasketView]]]]
"""Takes and gives rows as `BasketViews.advance` takes them."""


class PostgresReadModelRepair:
    """ReadModelRepair."""

    def __init__(self, database: DatabasePool, sealed: EncryptViews | None = None) -> None:
        """`sealed` makes rows what they are to be in the table, as it is done for those that move; None: they are
        written as they are."""
        self._database = database
        self._sealed = sealed

    async def mend(self, mends: Sequence[Repair], recorded: RepairAction) -> Collection[str]:
        mends = await self._in_their_table_form(mends)
        async with self._database.connection() as connection, connection.transaction():
            mended = await _mend_views(connection, mends)
            mended |= await _mend_claims(connection, mends)
            if mended:
                await record_action(connection, recorded(mended))
        return mended

    async def _in_their_table_form(self, mends: Sequence[Repair]) -> Sequence[Repair]:
        if self._sealed is None:
            return mends
        views = [(mend.held_version, mend.view) for mend in mends if mend.view is not None]
        sealed = {view.basket_id: view for _, view in await self._sealed(views)}
        return [replace(mend, view=sealed.get(mend.basket_id)) for mend in mends]


async def _mend_views(connection: asyncpg.Connection, mends: Sequence[Repair]) -> set[str]:
    rows = await connection.fetch(LOCK, [mend.basket_id for mend in mends])
    held = {row["basket_id"]: row["version"] for row in rows}
    as_seen = [mend for mend in mends if held.get(mend.basket_id, 0) == mend.held_version]
    await connection.execute(REMOVE, [mend.basket_id for mend in as_seen])
    views = [mend.view for mend in as_seen if mend.view is not None]
    made = {row["basket_id"] for row in await connection.fetch(MAKE, *columns_of(views))} if views else set()
    gone = [mend.basket_id for mend in as_seen if mend.view is None]
    ids, *names = uses_of_views([view for view in views if view.basket_id in made])
    await connection.execute(REPLACE_USES, [*ids, *gone], *names)
    return {*made, *gone}


async def _mend_claims(connection: asyncpg.Connection, mends: Sequence[Repair]) -> set[str]:
    mends = [mend for mend in mends if mend.claims]
    if not mends:
        return set()
    held = await connection.fetch(CLAIMS_OF, [mend.basket_id for mend in mends])
    await connection.execute(HOLD_APPENDS)
    rows = await connection.fetch(STREAM_VERSIONS, [mend.basket_id for mend in mends])
    versions = {row["id"]: row["version"] for row in rows}
    wanted = {mend.basket_id: mend.claim for mend in mends if versions[mend.basket_id] == mend.stream_version}
    left = [
        (row["name"], row["stream_id"])
        for row in held
        if row["stream_id"] in wanted and row["name"] != wanted[row["stream_id"]]
    ]
    missing = [(name, basket_id) for basket_id, name in wanted.items() if name is not None]
    mended: set[str] = set()
    for statement, pairs in ((RELEASE, left), (CLAIM, missing)):
        if pairs:
            rows = await connection.fetch(statement, *zip(*pairs, strict=True))
            mended |= {row["stream_id"] for row in rows}
    return mended
