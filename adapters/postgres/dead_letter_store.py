"""Dead letters in PostgreSQL, as operators read and settle them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.dead_letters import MAX_ERROR_LENGTH, to_storable_text
from adapters.postgres.pool import DatabasePool
from domain.operators.audit import OperatorAction
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterQuery, ResolvedBy
from domain.operators.dead_letters.store import StoredDeadLetter
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource

# The next letters after a number that a query selects.
PAGE = """
SELECT * FROM dead_letters
 WHERE number > $1
   AND ($3::text IS NULL OR topic = $3) AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR about = $5)
 ORDER BY number LIMIT $2
"""

# The same of those that wait. An index of these alone serves it.
PAGE_OF_WAITING = """
SELECT * FROM dead_letters
 WHERE number > $1 AND settled_at IS NULL
   AND ($3::text IS NULL OR topic = $3) AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR about = $5)
 ORDER BY number LIMIT $2
"""

# The same of those that were settled.
PAGE_OF_SETTLED = """
SELECT * FROM dead_letters
 WHERE number > $1 AND settled_at IS NOT NULL
   AND ($3::text IS NULL OR topic = $3) AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR about = $5)
 ORDER BY number LIMIT $2
"""

FIND = "SELECT * FROM dead_letters WHERE number = $1"

# The first waiting letter about a basket from some topics.
FIRST_OF = """
SELECT min(number) FROM dead_letters
 WHERE settled_at IS NULL AND about = $1 AND topic = ANY($2::text[])
"""

# Locks a letter and all that wait in its order. NOWAIT: operators never wait for each other in a circle.
CLAIM = """
SELECT * FROM dead_letters
 WHERE settled_at IS NULL
   AND (number = $1 OR (about = $2 AND topic = ANY($3::text[])))
 ORDER BY number
   FOR UPDATE NOWAIT
"""

SETTLE = """
UPDATE dead_letters
   SET settled_at = clock_timestamp(), settled_by = $2
 WHERE number = ANY($1::bigint[])
"""

# Counts a retry of a letter ($1); $2 is its error, or null.
TRY = """
UPDATE dead_letters
   SET tries = tries + 1, tried_at = clock_timestamp(), last_error = $2
 WHERE number = $1
"""

REOPEN = """
UPDATE dead_letters
   SET settled_at = NULL, settled_by = NULL, last_error = $2
 WHERE number = ANY($1::bigint[])
"""

LAST = "SELECT coalesce(max(number), 0) FROM dead_letters"

# How many wait, by topic and code. An index of the waiting letters serves it.
COUNTS = """
SELECT topic, code, count(*) AS count FROM dead_letters
 WHERE settled_at IS NULL
 GROUP BY topic, code ORDER BY topic, code
"""

_PAGES = {None: PAGE, False: PAGE_OF_WAITING, True: PAGE_OF_SETTLED}

MAX_CLAIMS = 4


class PostgresDeadLetterStore:
    """DeadLetterStore."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database
        # A claim holds its connection while its retry needs others. In one pool for all it could take the last.
        self._claims = database.sibling("checkout dead letters", MAX_CLAIMS)

    async def page(self, query: DeadLetterQuery, after: int, limit: int) -> Sequence[StoredDeadLetter]:
        selection = (query.topic, query.code, query.basket_id)
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PAGES[query.settled], after, limit, *selection)
        return [_letter(row) for row in rows]

    async def find(self, id: int) -> StoredDeadLetter | None:
        if id >= 2**63:
            return None
        async with self._database.connection() as connection:
            row = await connection.fetchrow(FIND, id)
        return None if row is None else _letter(row)

    async def first_of(self, basket_id: str, topics: Collection[str]) -> int | None:
        async with self._database.connection() as connection:
            first: int | None = await connection.fetchval(FIRST_OF, basket_id, [*topics])
        return first

    @asynccontextmanager
    async def claim(
        self, id: int, basket_id: str | None, topics: Collection[str]
    ) -> AsyncIterator[_Claim | Literal["busy", "settled"]]:
        async with self._claims.connection() as connection, connection.transaction():
            try:
                rows = await connection.fetch(CLAIM, id, basket_id, [*topics])
            except asyncpg.LockNotAvailableError:
                yield "busy"
                return
            letters = {row["number"]: row for row in rows}
            yield _Claim(connection, _letter(letters[id]), [*letters]) if id in letters else "settled"

    async def reopen(self, ids: Sequence[int], error: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(REOPEN, ids, to_storable_text(error)[:MAX_ERROR_LENGTH])

    async def last_id(self) -> int:
        async with self._database.connection() as connection:
            last: int = await connection.fetchval(LAST)
        return last

    async def counts(self) -> Sequence[DeadLetterCount]:
        async with self._database.connection() as connection:
            return [DeadLetterCount(**row) for row in await connection.fetch(COUNTS)]

    async def close(self) -> None:
        await self._claims.close()


class _Claim:
    """DeadLetterClaim. The transaction of its connection holds the row locks."""

    def __init__(self, connection: asyncpg.Connection, letter: StoredDeadLetter, waiting: Sequence[int]) -> None:
        self.letter = letter
        self.others = [number for number in waiting if number != letter.id]
        self.waits_for = waiting[0] if waiting[0] != letter.id else None
        self._connection = connection

    async def resolve(self, ids: Sequence[int], by: ResolvedBy, action: OperatorAction) -> None:
        if by == "retried":
            await self._connection.execute(TRY, self.letter.id, None)
        await self._connection.execute(SETTLE, ids, by)
        await record_action(self._connection, action)

    async def record_failure(self, error: str, action: OperatorAction) -> None:
        await self._connection.execute(TRY, self.letter.id, to_storable_text(error)[:MAX_ERROR_LENGTH])
        await record_action(self._connection, action)


def _letter(row: asyncpg.Record) -> StoredDeadLetter:
    message = DeadLetter(
        source=MessageSource(row["topic"], row["partition"], row["message_offset"]),
        key=row["key"],
        value=row["value"],
        headers=tuple(zip(row["header_names"], row["header_values"], strict=True)),
        code=row["code"],
        error=row["error"],
        basket_id=row["basket_id"],
    )
    settled_by: ResolvedBy = row["settled_by"] or "released"
    return StoredDeadLetter(
        id=row["number"],
        message=message,
        basket_id=row["about"],
        recorded_at=row["recorded_at"],
        tries=row["tries"],
        tried_at=row["tried_at"],
        last_error=row["last_error"],
        settled_at=row["settled_at"],
        settled_by=settled_by if row["settled_at"] is not None else None,
    )
