"""The basket views in PostgreSQL: one row a basket, and what open baskets use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.pool import DatabasePool
from domain.ports.read_models import BasketView

# The versions of some views.
VERSIONS = "SELECT basket_id, version FROM basket_views WHERE basket_id = ANY($1::text[])"

# The snapshots of some views.
SNAPSHOTS = "SELECT basket_id, snapshot FROM basket_views WHERE basket_id = ANY($1::text[])"

# Inserts views that do not exist yet, except of baskets in the archive, and returns their ids. The order keeps two
# writers from a deadlock.
MAKE = """
INSERT INTO basket_views
    (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot, ready,
     offers, products, finding_codes)
SELECT basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot, ready,
       string_to_array(offers, E'\\x1f'), string_to_array(products, E'\\x1f'),
       string_to_array(finding_codes, E'\\x1f')
  FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[],
              $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::bytea[], $10::boolean[],
              $11::text[], $12::text[], $13::text[])
       AS made (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot,
                ready, offers, products, finding_codes)
 WHERE NOT EXISTS (SELECT FROM archived_baskets archived
                    WHERE archived.basket_id = made.basket_id AND archived.restored_at IS NULL)
 ORDER BY basket_id
ON CONFLICT (basket_id) DO NOTHING
RETURNING basket_id
"""

# Updates views that are still at the version from which they were folded ($14), and returns their ids.
MOVE = """
UPDATE basket_views AS held
   SET version = moved.version, partner = moved.partner, external_id = moved.external_id,
       status = moved.status, created = moved.created, modified = moved.modified,
       expires_at = moved.expires_at, snapshot = moved.snapshot, ready = moved.ready,
       offers = string_to_array(moved.offers, E'\\x1f'),
       products = string_to_array(moved.products, E'\\x1f'),
       finding_codes = string_to_array(moved.finding_codes, E'\\x1f')
  FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[],
              $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::bytea[], $10::boolean[],
              $11::text[], $12::text[], $13::text[], $14::int[])
       AS moved (basket_id, version, partner, external_id, status, created, modified, expires_at,
                 snapshot, ready, offers, products, finding_codes, began)
 WHERE held.basket_id = moved.basket_id AND held.version = moved.began
RETURNING held.basket_id
"""

# The names that baskets ($1) use: these, joined ($2), and no others. (As arrays of names they cost the driver more than
# all columns of the views.)
REPLACE_USES = """
WITH used AS (
    SELECT basket_id, unnest(string_to_array(names, E'\\x1f')) AS name
      FROM unnest($1::text[], $2::text[]) AS moved (basket_id, names)
), gone AS (
    DELETE FROM open_basket_uses
     WHERE basket_id = ANY($1::text[]) AND (basket_id, name) NOT IN (SELECT basket_id, name FROM used))
INSERT INTO open_basket_uses (basket_id, name)
SELECT basket_id, name FROM used
ON CONFLICT DO NOTHING
"""

# Open baskets that have expired, the longest due first.
DUE = """
SELECT basket_id FROM basket_views
 WHERE status = 'open' AND expires_at <= $1
 ORDER BY expires_at
 LIMIT $2
"""


_SCALARS = (
    *("basket_id", "version", "partner", "external_id", "status", "created", "modified", "expires_at"),
    *("snapshot", "ready"),
)
_SETS = ("offers", "products", "finding_codes")


class PostgresBasketViews:
    """BasketViews."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(VERSIONS, list(basket_ids))
        return {row["basket_id"]: row["version"] for row in rows}

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(SNAPSHOTS, list(basket_ids))
        return {row["basket_id"]: row["snapshot"] for row in rows}

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        making = [view for began, view in views if began == 0]
        moving = [(began, view) for began, view in views if began > 0]
        moved: set[str] = set()
        async with self._database.connection() as connection, connection.transaction():
            if making:
                rows = await connection.fetch(MAKE, *columns_of(making))
                moved.update(row["basket_id"] for row in rows)
            if moving:
                columns = columns_of([view for _, view in moving])
                rows = await connection.fetch(MOVE, *columns, [began for began, _ in moving])
                moved.update(row["basket_id"] for row in rows)
            changed = [view for _, view in views if view.basket_id in moved and view.uses is not None]
            if changed:
                await connection.execute(REPLACE_USES, *uses_of_views(changed))
        return moved

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(DUE, now, limit)
        return [row["basket_id"] for row in rows]


def columns_of(views: Sequence[BasketView]) -> tuple[list[object], ...]:
    """The parameters of MAKE and MOVE."""
    return (
        *([getattr(view, name) for view in views] for name in _SCALARS),
        *([_joined(getattr(view, name)) for view in views] for name in _SETS),
    )


def uses_of_views(views: Sequence[BasketView]) -> tuple[list[str], list[str]]:
    """The parameters of REPLACE_USES."""
    return [view.basket_id for view in views], [_joined(view.uses or ()) for view in views]


def view_of_row(row: asyncpg.Record, snapshot: bytes = b"", uses: Collection[str] | None = None) -> BasketView:
    """The view that a row of `basket_views` holds."""
    return BasketView(
        **{name: row[name] for name in _SCALARS if name != "snapshot"},
        snapshot=snapshot,
        uses=frozenset(uses) if uses is not None else None,
        offers=frozenset(row["offers"]),
        products=frozenset(row["products"]),
        finding_codes=frozenset(row["finding_codes"]),
    )


def _joined(names: Collection[str]) -> str:
    """In one order, so that equal sets give equal rows. No identifier has a control character."""
    return "\x1f".join(sorted(names))
