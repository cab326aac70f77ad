"""Forgets in PostgreSQL: keys, answers and dead letters of baskets, in one transaction with the event that says so."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import timedelta

import asyncpg
from pydantic_core import from_json, to_json

from adapters.encryption.envelope import key_id_of
from adapters.postgres.audit import record_action
from adapters.postgres.data_keys import CHANNEL
from adapters.postgres.erasure_dead_letters import empty_letters, letters_of
from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.pool import DatabasePool
from domain.basket.personal_fields import (
    EMPTY_FIELDS,
    EVENT_TYPES_WITH_DETAILS,
    details_of,
    filled_fields,
    may_hold_personal_data,
    parse_document,
)
from domain.operators.audit import OperatorAction
from domain.operators.erasure.erasure import (
    ErasableBasket,
    ErasureBatch,
    EventOf,
    Person,
)
from domain.ports.event_store import Append

LONGEST_STATEMENT = 60.0
"""Seconds. What is to be forgotten may have to wait for appends, and is worth it."""

ORPHANED_AFTER = timedelta(hours=1)
"""After this an append that never came will not come any more."""

# Baskets that hold data of a person; of one organisation, or of all where $2 is null. One whose first event never
# came does not exist.
OF_PERSON = """
SELECT held.basket_id, held.partner FROM basket_subjects held
 WHERE held.subject = $1 AND ($2::text IS NULL OR held.partner = $2)
   AND EXISTS (SELECT FROM events WHERE stream_id = held.basket_id AND version = 1)
 ORDER BY held.basket_id
"""

# Those of these baskets that exist, with what came with their first event.
OF_IDS = """
SELECT stream_id, metadata FROM events WHERE stream_id = ANY($1::text[]) AND version = 1 ORDER BY stream_id
"""

# Look-ups by index, whatever the planner thinks of the tables: others wait.
PLAN_BY_INDEX = "SET LOCAL enable_seqscan = off"

# The lock that every append takes first: until this transaction ends, nobody else appends anything.
APPENDS_WAIT = "SELECT pg_advisory_xact_lock(7208041002)"

# How far baskets are, when they forgot last, and whether they have a key.
STANDING = """
SELECT asked.basket_id,
       (SELECT version FROM events WHERE stream_id = asked.basket_id ORDER BY version DESC LIMIT 1) AS version,
       coalesce((SELECT version FROM forgotten_baskets held WHERE held.basket_id = asked.basket_id), 0)
           AS forgotten_at,
       EXISTS (SELECT FROM data_keys held
                WHERE held.basket_id = asked.basket_id AND wrapped IS NOT NULL) AS has_key
  FROM unnest($1::text[]) AS asked (basket_id)
"""

# The keys that baskets ever had.
KEYS = "SELECT basket_id, key_id FROM data_keys WHERE basket_id = ANY($1::text[])"

# The events of baskets that may hold personal data ($2: their types).
HOLDING = """
SELECT stream_id, version, data FROM events WHERE stream_id = ANY($1::text[]) AND type = ANY($2::text[])
"""

# Destroys the keys of baskets ($2: by which action).
DESTROY_KEYS = """
UPDATE data_keys SET wrapped = NULL, master = NULL, destroyed_at = clock_timestamp(), action_id = $2
 WHERE basket_id = ANY($1::text[]) AND wrapped IS NOT NULL
"""

# Nobody's data is in these baskets any longer.
FORGET_SUBJECTS = "DELETE FROM basket_subjects WHERE basket_id = ANY($1::text[])"

# Baskets forgot at these versions ($2), by this action ($3).
REMEMBER = """
INSERT INTO forgotten_baskets (basket_id, version, action_id)
SELECT basket_id, version, $3 FROM unnest($1::text[], $2::int[]) AS told (basket_id, version)
ON CONFLICT (basket_id) DO UPDATE
   SET version = excluded.version, action_id = excluded.action_id, forgotten_at = excluded.forgotten_at
"""

# What callers were told about baskets.
ANSWERS = "SELECT scope, key, body FROM answers WHERE stream_id = ANY($1::text[]) FOR UPDATE"

# Puts another body into an answer, which is given as it is then to whoever asks again.
EMPTY_ANSWER = "UPDATE answers SET body = $3 WHERE scope = $1 AND key = $2"

# Has every process drop the keys that it keeps in memory.
TELL = "SELECT pg_notify($1, '')"

# What was noted for appends that never came: whose they would have been, and keys that sealed nothing.
FORGET_ORPHANS = """
WITH orphans AS (
    SELECT basket_id FROM data_keys held
     WHERE wrapped IS NOT NULL AND created_at < now() - $2::interval
       AND basket_id IN (SELECT basket_id FROM basket_subjects WHERE subject = $1)
       AND NOT EXISTS (SELECT FROM events WHERE stream_id = held.basket_id)),
noted AS (DELETE FROM basket_subjects WHERE basket_id IN (SELECT basket_id FROM orphans))
DELETE FROM data_keys WHERE wrapped IS NOT NULL AND basket_id IN (SELECT basket_id FROM orphans)
"""


class PostgresErasureStore:
    """ErasureStore."""

    def __init__(self, database: DatabasePool, answers_kept: timedelta) -> None:
        self._database = database
        self._answers_kept = answers_kept

    async def of_person(self, person: Person) -> Sequence[ErasableBasket]:
        async with self._database.connection() as connection:
            await connection.execute(FORGET_ORPHANS, person.subject, ORPHANED_AFTER)
            return _baskets(await connection.fetch(OF_PERSON, person.subject, person.partner))

    async def of_ids(self, basket_ids: Collection[str]) -> Sequence[ErasableBasket]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(OF_IDS, [*basket_ids])
        # Not by PostgreSQL's jsonb: that has no U+0000, which older metadata may hold.
        return [
            ErasableBasket(basket_id=row["stream_id"], partner=json.loads(row["metadata"])["partner"])
            for row in rows
        ]

    async def forget(
        self, baskets: Sequence[ErasableBasket], event_of: EventOf, action: OperatorAction
    ) -> ErasureBatch:
        async with self._database.connection() as connection, connection.transaction():
            asked = [basket.basket_id for basket in baskets]
            # Before others have to wait.
            letters = await letters_of(connection, asked, LONGEST_STATEMENT)
            await connection.execute(PLAN_BY_INDEX)
            await connection.execute(APPENDS_WAIT, timeout=LONGEST_STATEMENT)
            versions, in_the_clear = await _versions(connection, asked, letters.keys())
            if not versions:
                return ErasureBatch()
            ids = [*versions]
            appends = [
                Append(basket.basket_id, version, [event_of(basket, version + 1)])
                for basket in baskets
                if (version := versions.get(basket.basket_id)) is not None
            ]
            outcomes = await connection.fetch(
                APPEND_BATCH, *columns(appends), self._answers_kept, False, timeout=LONGEST_STATEMENT
            )
            if any(row["outcome"] != "appended" for row in outcomes):
                raise RuntimeError("an append was refused although nobody else could append")
            destroyed = await connection.execute(DESTROY_KEYS, ids, action.id)
            await connection.execute(FORGET_SUBJECTS, ids)
            await connection.execute(REMEMBER, ids, [version + 1 for version in versions.values()], action.id)
            answers = await _empty_answers(connection, ids)
            emptied = await empty_letters(connection, letters, ids)
            await record_action(connection, action)
            await connection.execute(TELL, CHANNEL)
        return ErasureBatch(
            basket_ids=ids,
            keys_destroyed=_count(destroyed),
            answers_emptied=answers,
            dead_letters_emptied=emptied,
            stored_in_the_clear=in_the_clear,
        )


async def _versions(
    connection: asyncpg.Connection, ids: Sequence[str], in_letters: Collection[str]
) -> tuple[dict[str, int], Sequence[str]]:
    """The versions of those baskets that have something to forget; and the ids of those of them that hold some
    of it unsealed."""
    keys: dict[str, set[str]] = {}
    for basket_id, key_id in await connection.fetch(KEYS, ids):
        keys.setdefault(basket_id, set()).add(key_id)
    plain: dict[str, int] = {}
    for row in await connection.fetch(HOLDING, ids, [*EVENT_TYPES_WITH_DETAILS]):
        if _holds_plain_data(row["data"], keys.get(row["stream_id"], ())):
            plain[row["stream_id"]] = max(row["version"], plain.get(row["stream_id"], 0))
    versions: dict[str, int] = {}
    for row in await connection.fetch(STANDING, ids):
        basket_id, forgotten_at = row["basket_id"], row["forgotten_at"]
        # One that never forgot is told to, whatever it holds: that it holds nothing is not for us to judge.
        new_and_plain = plain.get(basket_id, 0) > forgotten_at
        if row["has_key"] or new_and_plain or forgotten_at == 0 or basket_id in in_letters:
            versions[basket_id] = row["version"]
    return versions, [id for id in versions if id in plain]


def _holds_plain_data(data: bytes, keys: Collection[str]) -> bool:
    """Whether an event holds what none of its basket's keys sealed."""
    if not may_hold_personal_data(data):
        return False
    details = details_of(parse_document(data))
    return details is not None and any(key_id_of(value) not in keys for _, value in filled_fields(details))


async def _empty_answers(connection: asyncpg.Connection, basket_ids: Sequence[str]) -> int:
    """Takes personal data out of stored answers: a caller that asks again is answered as before but for it."""
    emptied = 0
    for scope, key, body in await connection.fetch(ANSWERS, basket_ids):
        if may_hold_personal_data(body):
            document = from_json(body)
            for order in (document.get("order"), document.get("checkout")):
                if isinstance(order, dict):
                    order.update({field: empty for field, empty in EMPTY_FIELDS.items() if field in order})
            await connection.execute(EMPTY_ANSWER, scope, key, to_json(document))
            emptied += 1
    return emptied


def _baskets(rows: Sequence[asyncpg.Record]) -> Sequence[ErasableBasket]:
    return [ErasableBasket(basket_id=row["basket_id"], partner=row["partner"]) for row in rows]


def _count(status: str) -> int:
    """Of a command's tag, such as `UPDATE 3`."""
    return int(status.rpartition(" ")[2])
