"""Erases in PostgreSQL: keys, stored responses and dead letters of baskets, in one transaction with the event."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import asyncpg
from pydantic_core import from_json, to_json

from adapters.postgres.audit import record_action
from adapters.postgres.data_keys import CHANNEL
from adapters.postgres.erasure_dead_letters import affected_rows, empty_letters, letters_of
from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.pool import DatabasePool
from domain.basket.personal_fields import (
    EVENT_TYPES_WITH_DETAILS,
    clear_personal_fields,
    details_of,
    filled_fields,
    may_hold_personal_data,
    parse_document,
)
from domain.operators.audit import OperatorAction
from domain.operators.erasure import ErasureBatch, EventFactory, Owners, Person
from domain.ports.event_store import Append
from domain.shared.errors import BasketArchived

MAX_STATEMENT_SECONDS = 60.0
"""An erasure may have to wait for appends, and is worth it."""

ORPHANED_AFTER = timedelta(hours=1)
"""A key older than this without any event: its append failed for good."""

# The baskets that hold data of a person, of one organisation or of all ($2 is null). A basket exists once it has its
# first event.
OF_PERSON = """
SELECT held.basket_id, held.partner FROM basket_subjects held
 WHERE held.subject = $1 AND ($2::text IS NULL OR held.partner = $2)
   AND (EXISTS (SELECT FROM events WHERE stream_id = held.basket_id AND version = 1)
        OR EXISTS (SELECT FROM archived_baskets WHERE basket_id = held.basket_id AND restored_at IS NULL))
 ORDER BY held.basket_id
"""

# Those of these baskets that exist, with the metadata of their first event.
OF_IDS = """
SELECT stream_id, metadata FROM events WHERE stream_id = ANY($1::text[]) AND version = 1 ORDER BY stream_id
"""

# Those of these baskets that are in the archive.
OF_IDS_ARCHIVED = """
SELECT basket_id, partner, file, archived_at FROM archived_baskets
 WHERE basket_id = ANY($1::text[]) AND restored_at IS NULL
"""

# Look-ups by index, whatever the statistics say: other appends wait meanwhile.
PLAN_BY_INDEX = "SET LOCAL enable_seqscan = off"

# The lock that every append takes first. Until this transaction ends, nobody else appends anything.
APPENDS_WAIT = "SELECT pg_advisory_xact_lock(7208041002)"

# The version of each basket, the version of its last erasure (0: none), and whether it has a key.
BASKET_STATES = """
SELECT asked.basket_id,
       (SELECT version FROM events WHERE stream_id = asked.basket_id ORDER BY version DESC LIMIT 1) AS version,
       coalesce((SELECT version FROM forgotten_baskets held WHERE held.basket_id = asked.basket_id), 0)
           AS forgotten_at,
       EXISTS (SELECT FROM data_keys held
                WHERE held.basket_id = asked.basket_id AND wrapped IS NOT NULL) AS has_key
  FROM unnest($1::text[]) AS asked (basket_id)
"""

# All keys that these baskets ever had.
KEYS = "SELECT basket_id, key_id FROM data_keys WHERE basket_id = ANY($1::text[])"

# The events of these baskets that can hold personal data ($2: their types).
EVENTS_WITH_DETAILS = """
SELECT stream_id, version, data FROM events WHERE stream_id = ANY($1::text[]) AND type = ANY($2::text[])
"""

# Destroys the keys of these baskets ($2: the action).
DESTROY_KEYS = """
UPDATE data_keys SET wrapped = NULL, master = NULL, destroyed_at = clock_timestamp(), action_id = $2
 WHERE basket_id = ANY($1::text[]) AND wrapped IS NOT NULL
"""

# These baskets hold nobody's data any longer.
DELETE_SUBJECTS = "DELETE FROM basket_subjects WHERE basket_id = ANY($1::text[])"

# Records at which version ($2) each basket was erased, and by which action ($3).
RECORD_ERASURES = """
INSERT INTO forgotten_baskets (basket_id, version, action_id)
SELECT basket_id, version, $3 FROM unnest($1::text[], $2::int[]) AS erased (basket_id, version)
ON CONFLICT (basket_id) DO UPDATE
   SET version = excluded.version, action_id = excluded.action_id, forgotten_at = excluded.forgotten_at
"""

# The stored responses about these baskets.
RESPONSES = "SELECT scope, key, body FROM answers WHERE stream_id = ANY($1::text[]) FOR UPDATE"

# Replaces the body of a stored response. A repeated request gets the new one.
REPLACE_BODY = "UPDATE answers SET body = $3 WHERE scope = $1 AND key = $2"

# Makes every process drop the keys in its memory.
NOTIFY = "SELECT pg_notify($1, '')"

# Deletes subjects and keys that were stored for an append that then failed. Such a key encrypted nothing.
DELETE_ORPHANS = """
WITH orphans AS (
    SELECT basket_id FROM data_keys held
     WHERE wrapped IS NOT NULL AND created_at < now() - $2::interval
       AND basket_id IN (SELECT basket_id FROM basket_subjects WHERE subject = $1)
       AND NOT EXISTS (SELECT FROM events WHERE stream_id = held.basket_id)
       AND NOT EXISTS (SELECT FROM archived_baskets archived WHERE archived.basket_id = held.basket_id)),
noted AS (DELETE FROM basket_subjects WHERE basket_id IN (SELECT basket_id FROM orphans))
DELETE FROM data_keys WHERE wrapped IS NOT NULL AND basket_id IN (SELECT basket_id FROM orphans)
"""


_IGNORED = b'"ignored":['


class PostgresErasureStore:
    """ErasureStore."""

    def __init__(
        self,
        database: DatabasePool,
        response_lifetime: timedelta,
        key_id_of: Callable[[object], str | None],
    ) -> None:
        """`key_id_of` tells the key that a stored value is encrypted by, None for an unencrypted one."""
        self._database = database
        self._response_lifetime = response_lifetime
        self._key_id_of = key_id_of

    async def of_person(self, person: Person) -> Owners:
        async with self._database.connection() as connection:
            await connection.execute(DELETE_ORPHANS, person.subject, ORPHANED_AFTER)
            rows = await connection.fetch(OF_PERSON, person.subject, person.partner)
        return {row["basket_id"]: row["partner"] for row in rows}

    async def of_ids(self, basket_ids: Collection[str]) -> Owners:
        async with self._database.connection() as connection:
            rows = await connection.fetch(OF_IDS, [*basket_ids])
            archived = await connection.fetch(OF_IDS_ARCHIVED, [*basket_ids])
        # Not by PostgreSQL's jsonb, which refuses the U+0000 that older metadata may hold.
        stored = {row["stream_id"]: json.loads(row["metadata"])["partner"] for row in rows}
        away = {row["basket_id"]: row["partner"] for row in archived}
        return dict(sorted({**away, **stored}.items()))

    async def erase(self, baskets: Owners, new_event: EventFactory, action: OperatorAction) -> ErasureBatch:
        async with self._database.connection() as connection, connection.transaction():
            selected = [*baskets]
            # This reads every letter, so it comes before others have to wait.
            letters = await letters_of(connection, selected, MAX_STATEMENT_SECONDS)
            await connection.execute(PLAN_BY_INDEX)
            await connection.execute(APPENDS_WAIT, timeout=MAX_STATEMENT_SECONDS)
            for row in await connection.fetch(OF_IDS_ARCHIVED, selected):
                raise BasketArchived(row["basket_id"], row["file"], row["archived_at"])
            unencrypted = await self._unencrypted_versions(connection, selected)
            versions: dict[str, int] = {}
            for basket_id, version, erased_at, has_key in await connection.fetch(BASKET_STATES, selected):
                holds_new_data = has_key or unencrypted.get(basket_id, 0) > erased_at
                # A basket is erased at least once, even if it seems to hold nothing.
                if holds_new_data or erased_at == 0 or basket_id in letters:
                    versions[basket_id] = version
            if not versions:
                return ErasureBatch()
            ids = [*versions]
            appends = [
                Append(id, version, [new_event(id, baskets[id], version + 1)]) for id, version in versions.items()
            ]
            outcomes = await connection.fetch(
                APPEND_BATCH,
                *columns(appends),
                self._response_lifetime,
                False,
                timeout=MAX_STATEMENT_SECONDS,
            )
            if any(row["outcome"] != "appended" for row in outcomes):
                raise RuntimeError("an append was refused although nobody else could append")
            destroyed = await connection.execute(DESTROY_KEYS, ids, action.id)
            await connection.execute(DELETE_SUBJECTS, ids)
            erased_versions = [version + 1 for version in versions.values()]
            await connection.execute(RECORD_ERASURES, ids, erased_versions, action.id)
            responses = await _empty_responses(connection, ids)
            emptied = await empty_letters(connection, letters, ids)
            await record_action(connection, action)
            await connection.execute(NOTIFY, CHANNEL)
        return ErasureBatch(
            basket_ids=ids,
            keys_destroyed=affected_rows(destroyed),
            answers_emptied=responses,
            dead_letters_emptied=emptied,
            stored_in_the_clear=[id for id in ids if id in unencrypted],
        )

    async def _unencrypted_versions(self, connection: asyncpg.Connection, basket_ids: Sequence[str]) -> dict[str, int]:
        """For each basket the last version that holds personal data which none of its keys encrypted."""
        keys: dict[str, set[str]] = {}
        for basket_id, key_id in await connection.fetch(KEYS, basket_ids):
            keys.setdefault(basket_id, set()).add(key_id)
        found: dict[str, int] = {}
        rows = await connection.fetch(EVENTS_WITH_DETAILS, basket_ids, [*EVENT_TYPES_WITH_DETAILS])
        for basket_id, version, data in rows:
            if may_hold_personal_data(data):
                details = details_of(parse_document(data)) or {}
                key_ids = {self._key_id_of(value) for _, value in filled_fields(details)}
                if key_ids - keys.get(basket_id, set()):
                    found[basket_id] = max(version, found.get(basket_id, 0))
        return found


async def _empty_responses(connection: asyncpg.Connection, basket_ids: Sequence[str]) -> int:
    """Empties the personal fields in stored responses, and the names of ignored members, which their senders chose.
    The rest of each stays as it was."""
    emptied = 0
    for scope, key, body in await connection.fetch(RESPONSES, basket_ids):
        if may_hold_personal_data(body) or _IGNORED in body:
            document = from_json(body)
            for order in (document.get("order"), document.get("checkout")):
                if isinstance(order, dict):
                    clear_personal_fields(order)
            if ignored := document.pop("ignored", None):
                document["ignoredMore"] = len(ignored) + document.get("ignoredMore", 0)
            await connection.execute(REPLACE_BODY, scope, key, to_json(document))
            emptied += 1
    return emptied
