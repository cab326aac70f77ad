"""Repairs views, uses and claims in place. `verify --repair` and rebuilds of some baskets both write through this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import MAKE, REPLACE_USES, columns_of, uses_of_views
from domain.operators.verify.repair import Repair, RepairAction
from domain.ports.read_models import BasketView

# The versions of some views, locked until the end of the transaction. The order keeps two writers from a deadlock.
LOCK = "SELECT basket_id, version FROM basket_views WHERE basket_id = ANY($1::text[]) ORDER BY basket_id FOR UPDATE"

# Deletes rows that are inserted again. A projector that waits to update one of them finds it gone.
REMOVE = "DELETE FROM basket_views WHERE basket_id = ANY($1::text[])"

# The lock of append_events(): nobody appends until the end of the transaction.
HOLD_APPENDS = "SELECT pg_advisory_xact_lock(7208041002)"

# The last versions of some streams.
STREAM_VERSIONS = """
SELECT asked.id, (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = asked.id) AS version
  FROM unnest($1::text[]) AS asked (id)
"""

# The names that some baskets claim. There is no index for it: every initiate would have to keep one.
CLAIMS_OF = "SELECT name, stream_id FROM claims WHERE stream_id = ANY($1::text[])"

# Releases names of baskets, and returns the baskets.
RELEASE = """
DELETE FROM claims USING unnest($1::text[], $2::text[]) AS left_behind (name, stream_id)
 WHERE claims.name = left_behind.name AND claims.stream_id = left_behind.stream_id
RETURNING claims.stream_id
"""

# Claims names that nobody holds, and returns the baskets.
CLAIM = """
INSERT INTO claims (name, stream_id) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (name) DO NOTHING
RETURNING stream_id
"""

EncryptViews = Callable[[Sequence[tuple[int, BasketView]]], Awaitable[Sequence[tuple[int, BasketView]]]]
"""Encrypts views for the table, given and returned as `BasketViews.advance` takes them."""


class PostgresReadModelRepair:
    """ReadModelRepair."""

    def __init__(self, database: DatabasePool, encrypt: EncryptViews | None = None) -> None:
        """Without `encrypt` views are written as they are."""
        self._database = database
        self._encrypt = encrypt

    async def repair(self, repairs: Sequence[Repair], action: RepairAction) -> Collection[str]:
        if self._encrypt is not None:
            views = [(repair.seen_version, repair.view) for repair in repairs if repair.view is not None]
            encrypted = {view.basket_id: view for _, view in await self._encrypt(views)}
            repairs = [replace(repair, view=encrypted.get(repair.basket_id)) for repair in repairs]
        async with self._database.connection() as connection, connection.transaction():
            repaired = await repair_views(connection, repairs)
            repaired |= await _repair_claims(connection, repairs)
            if repaired:
                await record_action(connection, action(repaired))
        return repaired


async def repair_views(connection: asyncpg.Connection, repairs: Sequence[Repair]) -> set[str]:
    """Replaces the views, and the names that they use, of the baskets whose views are still at the versions seen.
    Returns these baskets. Belongs into a transaction.

    A row is deleted and inserted, not updated: a projector that waits for it finds it gone, and folds again.
    """
    rows = await connection.fetch(LOCK, [repair.basket_id for repair in repairs])
    versions = {row["basket_id"]: row["version"] for row in rows}
    unmoved = [repair for repair in repairs if versions.get(repair.basket_id, 0) == repair.seen_version]
    await connection.execute(REMOVE, [repair.basket_id for repair in unmoved])
    views = [repair.view for repair in unmoved if repair.view is not None]
    made = {row["basket_id"] for row in await connection.fetch(MAKE, *columns_of(views))} if views else set()
    gone = [repair.basket_id for repair in unmoved if repair.view is None]
    ids, names = uses_of_views([view for view in views if view.basket_id in made])
    await connection.execute(REPLACE_USES, [*ids, *gone], [*names, *("" for _ in gone)])
    return {*made, *gone}


async def _repair_claims(connection: asyncpg.Connection, repairs: Sequence[Repair]) -> set[str]:
    repairs = [repair for repair in repairs if repair.claims]
    if not repairs:
        return set()
    ids = [repair.basket_id for repair in repairs]
    held = await connection.fetch(CLAIMS_OF, ids)
    await connection.execute(HOLD_APPENDS)
    versions = {row["id"]: row["version"] for row in await connection.fetch(STREAM_VERSIONS, ids)}
    wanted = {
        repair.basket_id: repair.claim for repair in repairs if versions[repair.basket_id] == repair.stream_version
    }
    left_behind = [
        (row["name"], row["stream_id"])
        for row in held
        if row["stream_id"] in wanted and row["name"] != wanted[row["stream_id"]]
    ]
    missing = [(name, basket_id) for basket_id, name in wanted.items() if name is not None]
    repaired: set[str] = set()
    for statement, pairs in ((RELEASE, left_behind), (CLAIM, missing)):
        if pairs:
            rows = await connection.fetch(statement, *zip(*pairs, strict=True))
            repaired |= {row["stream_id"] for row in rows}
    return repaired
