"""Finds an organisation's own baskets by their views, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from adapters.postgres.pool import DatabasePool
from domain.ports.basket_list import BasketFilter, FoundBaskets, ListMoment
from domain.shared.cursors import PagePosition

SESSION_SETTINGS = {
    # Each call is planned for its own values: the conditions that it lacks, and the branches that cannot match, fall
    # away.
    "plan_cache_mode": "force_custom_plan",
    # A page ends a walk along an index early. The planner prices walks as if each went on to its limit.
    "enable_sort": "off",
    "enable_incremental_sort": "off",
    "enable_bitmapscan": "off",
    # Only rows cost: so the index that fits is used, not one that is read in the order of the table.
    "seq_page_cost": "0",
    "random_page_cost": "0",
}

CONNECTIONS = 2

MAX_ROWS = 1000
"""A call reads at most so many views, however few of them match."""

MAX_SNAPSHOT_BYTES = 1024 * 1024
"""A page ends before its snapshots are larger, uncompressed. It has one basket at least."""

CLOCK_DIFFERENCE = timedelta(hours=1)
"""A basket is created before it is modified, as far as the clocks of two processes agree."""

_MIN_TIME, _MAX_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MAX_ID = "\U0010ffff"
"""No basket's id is greater."""

# Every statement walks at most MAX_ROWS views along an index, says which of them match, and counts them. The view that
# ends a walk is returned even if it does not match, so that the next page begins behind it. Each branch has its own order
# and limit: so the server merges the branches and stops as soon as a page is full.

# The baskets of an organisation ($1), of an external id where there is one ($2), the newest created first: created after
# $3 and before a place ($4, $5). Of a status as of now ($8, $9), modified after $10 and not after $11.
OF_EVERY_STATUS = """
SELECT basket_id, moment, size, matches, number
  FROM (SELECT *, row_number() OVER (ORDER BY moment DESC, basket_id DESC) AS number
          FROM (SELECT basket_id, created AS moment, length(snapshot) AS size,
                       ($8::text IS NULL
                        OR $8 = CASE WHEN status = 'open' AND expires_at <= $9::timestamptz THEN 'expired'
                                     ELSE status END)
                       AND modified > $10::timestamptz AND modified <= $11::timestamptz AS matches
                  FROM basket_views
                 WHERE partner = $1 AND ($2::text IS NULL OR external_id = $2)
                   AND created > $3 AND (created, basket_id) < ($4, $5::text)
                 ORDER BY created DESC, basket_id DESC
                 LIMIT $6) AS walked) AS numbered
 WHERE matches OR number = $6
 ORDER BY moment DESC, basket_id DESC
 LIMIT $7
"""

# The baskets of one status ($2) as of now ($8), the newest created first: created after $3 and before a place ($4, $5).
# The second branch: those that count as expired before an event says so. Its inner order has them found by the index of
# due baskets: the planner thinks that most open baskets are due, because most of all baskets are.
OF_ONE_STATUS = """
SELECT basket_id, moment, size, matches, number
  FROM (SELECT *, row_number() OVER (ORDER BY moment DESC, basket_id DESC) AS number
          FROM ((SELECT basket_id, created AS moment, length(snapshot) AS size,
                        $2 <> 'open' OR expires_at > $8 AS matches
                   FROM basket_views
                  WHERE partner = $1 AND status = $2 AND created > $3 AND (created, basket_id) < ($4, $5::text)
                  ORDER BY created DESC, basket_id DESC
                  LIMIT $6)
                 UNION ALL
                (SELECT basket_id, created, length(snapshot), true
                   FROM (SELECT * FROM basket_views
                          WHERE $2 = 'expired' AND partner = $1 AND status = 'open' AND expires_at <= $8
                          ORDER BY expires_at
                         OFFSET 0) AS due
                  WHERE created > $3 AND (created, basket_id) < ($4, $5::text)
                  ORDER BY created DESC, basket_id DESC
                  LIMIT $6)
                 ORDER BY moment DESC, basket_id DESC
                 LIMIT $6) AS walked) AS numbered
 WHERE matches OR number = $6
 ORDER BY moment DESC, basket_id DESC
 LIMIT $7
"""

# The baskets of some statuses ($2), the earliest changed first: after a place ($3, $4) and not after $5. Those match that
# were created after $8 and, if they are open, expire after $9. The last branch: baskets that count as expired by now
# ($10), as above.
BY_CHANGE = """
SELECT basket_id, moment, size, matches, number
  FROM (SELECT *, row_number() OVER (ORDER BY moment, basket_id) AS number
          FROM ((SELECT basket_id, modified AS moment, length(snapshot) AS size,
                        created > $8 AND expires_at > $9 AS matches
                   FROM basket_views
                  WHERE 'open' = ANY($2::text[]) AND partner = $1 AND status = 'open'
                    AND (modified, basket_id) > ($3, $4::text) AND modified <= $5
                  ORDER BY modified, basket_id
                  LIMIT $6)
                 UNION ALL
                (SELECT basket_id, modified, length(snapshot), created > $8
                   FROM basket_views
                  WHERE 'completed' = ANY($2) AND partner = $1 AND status = 'completed'
                    AND (modified, basket_id) > ($3, $4) AND modified <= $5
                  ORDER BY modified, basket_id
                  LIMIT $6)
                 UNION ALL
                (SELECT basket_id, modified, length(snapshot), created > $8
                   FROM basket_views
                  WHERE 'expired' = ANY($2) AND partner = $1 AND status = 'expired'
                    AND (modified, basket_id) > ($3, $4) AND modified <= $5
                  ORDER BY modified, basket_id
                  LIMIT $6)
                 UNION ALL
                (SELECT basket_id, modified, length(snapshot), created > $8
                   FROM basket_views
                  WHERE 'cancelled' = ANY($2) AND partner = $1 AND status = 'cancelled'
                    AND (modified, basket_id) > ($3, $4) AND modified <= $5
                  ORDER BY modified, basket_id
                  LIMIT $6)
                 UNION ALL
                (SELECT basket_id, modified, length(snapshot), created > $8
                   FROM (SELECT * FROM basket_views
                          WHERE 'due' = ANY($2) AND partner = $1 AND status = 'open' AND expires_at <= $10
                          ORDER BY expires_at
                         OFFSET 0) AS due
                  WHERE (modified, basket_id) > ($3, $4) AND modified <= $5
                  ORDER BY modified, basket_id
                  LIMIT $6)
                 ORDER BY moment, basket_id
                 LIMIT $6) AS walked) AS numbered
 WHERE matches OR number = $6
 ORDER BY moment, basket_id
 LIMIT $7
"""

_STATUSES = ("open", "completed", "expired", "cancelled")


class PostgresBasketList:
    """BasketList, on a small pool of its own."""

    def __init__(self, database: DatabasePool, max_rows: int = MAX_ROWS) -> None:
        self._pool = database.sibling("checkout list", CONNECTIONS, SESSION_SETTINGS)
        self._max_rows = max_rows

    async def find(
        self, wanted: BasketFilter, moment: ListMoment, after: PagePosition | None, limit: int
    ) -> FoundBaskets:
        if wanted.abandoned and wanted.status not in (None, "open"):
            return FoundBaskets(())
        statement, parameters = statement_of(wanted, moment, after, limit, self._max_rows)
        async with self._pool.connection() as connection:
            rows = await connection.fetch(statement, *parameters)
        return _page(rows, limit, self._max_rows)

    async def close(self) -> None:
        await self._pool.close()


def statement_of(
    wanted: BasketFilter, moment: ListMoment, after: PagePosition | None, limit: int, max_rows: int = MAX_ROWS
) -> tuple[str, tuple[object, ...]]:
    """The statement that answers a filter, and its parameters."""
    status = "open" if wanted.abandoned else wanted.status
    created_after, modified_after = wanted.created_after or _MIN_TIME, wanted.modified_after or _MIN_TIME
    modified_until = moment.abandoned_since if wanted.abandoned else _MAX_TIME
    page = (max_rows, limit + 1)
    if wanted.ordered_by_change:
        place = after or PagePosition(max(modified_after, _earlier(created_after)), _MAX_ID)
        branches = {None: _STATUSES, "expired": ("expired", "due")}.get(status, (status,))
        unexpired = moment.now if status == "open" else _MIN_TIME
        return BY_CHANGE, (
            *(wanted.partner, branches, place.moment, place.basket_id, modified_until, *page),
            *(created_after, unexpired, moment.now),
        )
    place = after or PagePosition(_MAX_TIME, "")
    walk = (created_after, place.moment, place.basket_id, *page)
    if wanted.external_id is None and status is not None:
        return OF_ONE_STATUS, (wanted.partner, status, *walk, moment.now)
    return OF_EVERY_STATUS, (
        *(wanted.partner, wanted.external_id, *walk),
        *(status, moment.now, modified_after, modified_until),
    )


def _earlier(created_after: datetime) -> datetime:
    """When the first change of a basket that was created after this can have been."""
    return created_after - min(CLOCK_DIFFERENCE, created_after - _MIN_TIME)


def _page(rows: Sequence[asyncpg.Record], limit: int, max_rows: int) -> FoundBaskets:
    ids: list[str] = []
    size, last = 0, None
    for row in rows:
        if len(ids) == limit or (ids and row["matches"] and size + row["size"] > MAX_SNAPSHOT_BYTES):
            return FoundBaskets(ids, last)
        if row["matches"]:
            ids.append(row["basket_id"])
            size += row["size"]
        last = PagePosition(row["moment"], row["basket_id"])
        if row["number"] == max_rows:
            return FoundBaskets(ids, last)
    return FoundBaskets(ids)
