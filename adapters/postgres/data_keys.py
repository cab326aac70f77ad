"""The keys that encrypt personal data, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import asyncpg

from adapters.postgres.batcher import Batcher, take_up_to
from adapters.postgres.notification_listener import NotificationListener
from adapters.postgres.pool import DatabasePool
from domain.ports.data_keys import DataKey, KeyRequest, WrappedKey

CHANNEL = "checkout_data_keys"
"""One notification for each transaction that destroyed keys."""

MAX_BATCH = 256

_KEY_SETTINGS = {
    # No commit waits for the disk. Data is committed after its key, so once it is durable the key is too.
    "synchronous_commit": "off",
    # A plan made while the tables are empty must also suit full ones: look-ups by index, always.
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
}

# Gives each basket the proposed key unless it has one, records whose data it holds, and returns its key. A key that
# another transaction gives at the same moment is not visible yet; then the row has none.
ENSURE = """
WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
           WITH ORDINALITY AS asked (basket_id, partner, subject, key_id, master, wrapped, number)),
made AS (
    INSERT INTO data_keys (key_id, basket_id, master, wrapped)
    SELECT key_id, basket_id, master, wrapped FROM asked WHERE wrapped IS NOT NULL ORDER BY basket_id, number
    ON CONFLICT (basket_id) WHERE wrapped IS NOT NULL DO NOTHING
    RETURNING basket_id, key_id, master, wrapped),
noted AS (
    INSERT INTO basket_subjects (subject, partner, basket_id)
    SELECT DISTINCT subject, partner, basket_id FROM asked WHERE subject IS NOT NULL ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING)
SELECT coalesce(made.key_id, held.key_id), coalesce(made.master, held.master),
       coalesce(made.wrapped, held.wrapped)
  FROM asked
  LEFT JOIN made ON made.basket_id = asked.basket_id
  LEFT JOIN LATERAL (
       SELECT key_id, master, wrapped FROM data_keys
        WHERE basket_id = asked.basket_id AND wrapped IS NOT NULL
       OFFSET 0) held ON true
 ORDER BY asked.number
"""

# Keys by their ids.
FIND = "SELECT key_id, basket_id, master, wrapped FROM data_keys WHERE key_id = ANY($1::text[])"

# The key of each basket, or else its last destroyed one.
NEWEST = """
SELECT newest.key_id, newest.basket_id, newest.master, newest.wrapped
  FROM unnest($1::text[]) AS asked (basket_id),
       LATERAL (SELECT key_id, basket_id, master, wrapped FROM data_keys
                 WHERE data_keys.basket_id = asked.basket_id
                 ORDER BY wrapped IS NULL, key_id DESC LIMIT 1) newest
"""

# The version of each basket's last erasure.
FORGOTTEN = "SELECT basket_id, version FROM forgotten_baskets WHERE basket_id = ANY($1::text[])"

# Keys that another master key than $1 wraps, at most $2.
WRAPPED_BY_OTHERS = """
SELECT key_id, basket_id, master, wrapped FROM data_keys WHERE master <> $1 LIMIT $2
"""

# Replaces how keys are wrapped, except those destroyed meanwhile.
REWRAP = """
UPDATE data_keys SET master = again.master, wrapped = again.wrapped
  FROM unnest($1::text[], $2::text[], $3::bytea[]) AS again (key_id, master, wrapped)
 WHERE data_keys.key_id = again.key_id AND data_keys.wrapped IS NOT NULL
"""


class PostgresDataKeys:
    """DataKeys. Concurrent calls share statements."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database
        self._pool = database.sibling("checkout data keys", 2, _KEY_SETTINGS)
        timeout = database.timeout
        self._ensured: Batcher[KeyRequest, DataKey | None] = Batcher(
            self._ensure, take_up_to(MAX_BATCH), timeout=timeout
        )
        self._found: Batcher[Collection[str], Mapping[str, DataKey]] = Batcher(
            self._find, take_up_to(MAX_BATCH), timeout=timeout, concurrency=2
        )
        self._callbacks: list[Callable[[], None]] = []
        # Without a connection, notifications are lost. So a new connection counts as one.
        self._listener = NotificationListener(
            database, "checkout data keys listener", CHANNEL, self._notify, on_connected=self._notify
        )

    async def ensure(self, request: KeyRequest) -> DataKey | None:
        # A process that stores personal data also keeps it in memory, and must hear when to drop it.
        await self._listener.listen()
        while True:
            key = await self._ensured.call(request)
            if key is not None or request.proposed is None:
                return key

    async def find(self, key_ids: Collection[str]) -> Mapping[str, DataKey]:
        await self._listener.listen()
        return await self._found.call(key_ids)

    async def newest(self, basket_ids: Collection[str]) -> Mapping[str, DataKey]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(NEWEST, [*basket_ids])
        return {key.basket_id: key for key in map(_key, rows)}

    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(FORGOTTEN, [*basket_ids])
        return {row["basket_id"]: row["version"] for row in rows}

    def on_destroyed(self, call: Callable[[], None]) -> None:
        self._callbacks.append(call)

    async def wrapped_by_other_keys(self, master: str, limit: int) -> Sequence[DataKey]:
        async with self._database.connection() as connection:
            return [_key(row) for row in await connection.fetch(WRAPPED_BY_OTHERS, master, limit)]

    async def rewrap(self, keys: Sequence[tuple[DataKey, WrappedKey]]) -> None:
        ids = [key.id for key, _ in keys]
        masters = [wrapped.master for _, wrapped in keys]
        async with self._database.connection() as connection:
            await connection.execute(REWRAP, ids, masters, [wrapped.wrapped for _, wrapped in keys])

    async def close(self) -> None:
        """Finishes waiting calls and closes the connections."""
        await self._listener.close()
        try:
            await self._ensured.close()
            await self._found.close()
        finally:
            await self._pool.close()

    async def _ensure(self, requests: Sequence[KeyRequest], _: bool) -> Sequence[DataKey | None]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(ENSURE, *map(list, zip(*map(_columns, requests), strict=True)))
        return [
            None if key_id is None else DataKey(key_id, request.basket_id, WrappedKey(master, wrapped))
            for request, (key_id, master, wrapped) in zip(requests, rows, strict=True)
        ]

    async def _find(self, calls: Sequence[Collection[str]], _: bool) -> Sequence[Mapping[str, DataKey]]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(FIND, [*{key_id for key_ids in calls for key_id in key_ids}])
        found = {key.id: key for key in map(_key, rows)}
        return [{key_id: found[key_id] for key_id in key_ids if key_id in found} for key_ids in calls]

    def _notify(self, *_: Any) -> None:
        for call in self._callbacks:
            call()


def _columns(request: KeyRequest) -> tuple[object, ...]:
    subject = (request.basket_id, request.partner, request.subject)
    match request.proposed:
        case DataKey(id=key_id, key=WrappedKey(master=master, wrapped=wrapped)):
            return (*subject, key_id, master, wrapped)
        case _:
            return (*subject, None, None, None)


def _key(row: asyncpg.Record) -> DataKey:
    wrapped = None if row["wrapped"] is None else WrappedKey(row["master"], row["wrapped"])
    return DataKey(row["key_id"], row["basket_id"], wrapped)
