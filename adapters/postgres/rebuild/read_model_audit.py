"""Reads the stored read models for verification, in PostgreSQL."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping, Sequence

from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import view_of_row
from domain.operators.verify.view_verifier import StoredReadModel

MAX_POSITIONS = 5_000
MAX_DRAWS = 200
POSITIONS_PER_BASKET = 40
"""Random positions for each basket wanted: about one in ten is a basket's first event."""

SMALL_STORE = 100_000
"""Positions. In a store that is no larger, many random baskets are chosen from all of them."""

BASKETS_PER_VIEW = 20
"""For so many random baskets also one random view, in case that it has no events."""

PAGE_BYTES = 8_192
SAMPLED_PAGES = 20

# The views of some baskets, without their snapshots, and the names that they use.
HELD = """
SELECT asked.basket_id, version, partner, external_id, status, created, modified, expires_at, ready, offers,
       products, finding_codes,
       ARRAY(SELECT name FROM open_basket_uses used WHERE used.basket_id = asked.basket_id) AS uses
  FROM unnest($1::text[]) AS asked (basket_id)
  LEFT JOIN basket_views USING (basket_id)
"""

# The next $2 baskets after $1 that have events, a view or names: skips along the indexes from one id to the next.
BASKET_IDS = """
WITH RECURSIVE streams (id) AS (
    (SELECT stream_id FROM events WHERE stream_id > $1 ORDER BY stream_id, version LIMIT 1)
    UNION ALL
    SELECT (SELECT stream_id FROM events WHERE stream_id > streams.id ORDER BY stream_id, version LIMIT 1)
      FROM streams WHERE streams.id IS NOT NULL
), users (id) AS (
    (SELECT basket_id FROM open_basket_uses WHERE basket_id > $1 ORDER BY basket_id, name LIMIT 1)
    UNION ALL
    SELECT (SELECT basket_id FROM open_basket_uses WHERE basket_id > users.id ORDER BY basket_id, name LIMIT 1)
      FROM users WHERE users.id IS NOT NULL
)
(SELECT id FROM streams WHERE id IS NOT NULL LIMIT $2)
 UNION
(SELECT basket_id FROM basket_views WHERE basket_id > $1 ORDER BY basket_id LIMIT $2)
 UNION
(SELECT id FROM users WHERE id IS NOT NULL LIMIT $2)
 ORDER BY id LIMIT $2
"""

# The organisation of each basket, by its first event and by its view.
PARTNERS = """
SELECT asked.basket_id,
       (SELECT metadata FROM events WHERE stream_id = asked.basket_id AND version = 1) AS metadata,
       (SELECT partner FROM basket_views view WHERE view.basket_id = asked.basket_id) AS partner
  FROM unnest($1::text[]) AS asked (basket_id)
"""

# The first and the last position.
RANGE = "SELECT coalesce(min(position), 1), coalesce(max(position), 0) FROM events"

# The baskets whose first events have these positions ($1). Each basket has one first event, so all are equally likely.
FIRST_EVENTS_AT = "SELECT stream_id FROM events WHERE position = ANY($1::bigint[]) AND version = 1"

# Random baskets of a small store.
FIRST_EVENTS = "SELECT stream_id FROM events WHERE version = 1 ORDER BY random() LIMIT $1"

# Random views, from $1 percent of the table's pages.
SOME_VIEWS = "SELECT basket_id FROM basket_views TABLESAMPLE SYSTEM ($1) ORDER BY random() LIMIT $2"

# The size of the views' table.
VIEWS_SIZE = "SELECT pg_relation_size('basket_views')"

# The number of views by the last statistics, and exactly, where there are no statistics yet.
COUNT_ABOUT = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'basket_views'::regclass"
COUNT = "SELECT count(*) FROM basket_views"

# The next $2 claims after $1, and whether each fits its basket's view.
CLAIMS = """
SELECT claim.name, claim.stream_id,
       coalesce(view.status = 'open' AND claim.name = view.partner || E'\\x1f' || view.external_id, false) AS fits
  FROM (SELECT name, stream_id FROM claims WHERE name > $1 ORDER BY name LIMIT $2) AS claim
  LEFT JOIN basket_views view ON view.basket_id = claim.stream_id
 ORDER BY claim.name
"""

# The last event's position, and the last position drawn.
POSITIONS = """
SELECT (SELECT coalesce(max(position), 0) FROM events),
       coalesce(pg_sequence_last_value(pg_get_serial_sequence('events', 'position')::regclass), 0)
"""


class PostgresReadModelAudit:
    """ReadModelAudit."""

    def __init__(self, database: DatabasePool, small_store: int = SMALL_STORE) -> None:
        self._database = database
        self._small_store = small_store

    async def held(self, basket_ids: Collection[str]) -> Mapping[str, StoredReadModel]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(HELD, [*basket_ids])
        return {
            row["basket_id"]: StoredReadModel(
                view_of_row(row) if row["version"] is not None else None, frozenset(row["uses"])
            )
            for row in rows
            if row["version"] is not None or row["uses"]
        }

    async def basket_ids(self, after: str, limit: int, partner: str | None) -> tuple[Sequence[str], str | None]:
        async with self._database.connection() as connection:
            ids = [row["id"] for row in await connection.fetch(BASKET_IDS, after, limit)]
        return await self._of_partner(partner, ids), ids[-1] if ids else None

    async def some_basket_ids(self, count: int, partner: str | None) -> Sequence[str]:
        async with self._database.connection() as connection:
            ((first, last),) = await connection.fetch(RANGE)
        chosen: dict[str, None] = {}
        drawn = min(MAX_POSITIONS, POSITIONS_PER_BASKET * count, last - first + 1)
        if last - first < self._small_store and (partner is not None or drawn * 4 > last - first):
            async with self._database.connection() as connection:
                # Baskets of one organisation are sought among all.
                rows = await connection.fetch(FIRST_EVENTS, count if partner is None else self._small_store)
            chosen = dict.fromkeys(await self._of_partner(partner, [row["stream_id"] for row in rows]))
        else:
            for _ in range(MAX_DRAWS):
                positions = random.sample(range(first, last + 1), drawn)
                async with self._database.connection() as connection:
                    rows = await connection.fetch(FIRST_EVENTS_AT, positions)
                found = [row["stream_id"] for row in rows]
                # They come in the order of their positions, so that the first ones would be the oldest.
                random.shuffle(found)
                chosen |= dict.fromkeys(await self._of_partner(partner, found))
                if len(chosen) >= count:
                    break
        views = await self._of_partner(partner, await self._some_views(1 + count // BASKETS_PER_VIEW))
        return [*dict.fromkeys([*[*chosen][:count], *views])]

    async def count(self) -> int:
        async with self._database.connection() as connection:
            about: int = await connection.fetchval(COUNT_ABOUT)
            if about <= 0:
                about = await connection.fetchval(COUNT)
            return about

    async def mismatched_claims(self, after: str, limit: int) -> tuple[Sequence[tuple[str, str]], str | None]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(CLAIMS, after, limit)
        others = [(row["name"], row["stream_id"]) for row in rows if not row["fits"]]
        return others, rows[-1]["name"] if rows else None

    async def positions(self) -> tuple[int, int]:
        async with self._database.connection() as connection:
            ((last, drawn),) = await connection.fetch(POSITIONS)
            return last, drawn

    async def _some_views(self, count: int) -> list[str]:
        async with self._database.connection() as connection:
            pages = await connection.fetchval(VIEWS_SIZE) / PAGE_BYTES
            percent = min(100.0, 100 * SAMPLED_PAGES / max(pages, 1))
            return [row["basket_id"] for row in await connection.fetch(SOME_VIEWS, percent, count)]

    async def _of_partner(self, partner: str | None, basket_ids: Sequence[str]) -> Sequence[str]:
        """Those of these baskets that belong to the organisation, in their order; None: all."""
        if partner is None or not basket_ids:
            return basket_ids
        async with self._database.connection() as connection:
            rows = await connection.fetch(PARTNERS, [*basket_ids])
        theirs = {row["basket_id"] for row in rows if partner in (row["partner"], _partner(row["metadata"]))}
        return [id for id in basket_ids if id in theirs]


def _partner(metadata: bytes | None) -> object:
    try:
        document = json.loads(metadata) if metadata is not None else None
    except ValueError:
        return None
    return document.get("partner") if isinstance(document, dict) else None
