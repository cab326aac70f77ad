"""Records dead letters in PostgreSQL, and knows the baskets that they block."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256

from adapters.postgres.pool import DatabasePool
from domain.ports.messaging import DeadLetter

MAX_ERROR_LENGTH = 4_000

# Records a dead letter, once.
RECORD = """
INSERT INTO dead_letters
    (topic, partition, message_offset, digest, key, value, header_names, header_values, code, error, basket_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (topic, partition, message_offset, digest) DO NOTHING
"""

# Which of some baskets a waiting dead letter blocks, and which are in the archive.
BLOCKED = """
SELECT basket_id FROM dead_letters
 WHERE settled_at IS NULL AND basket_id = ANY($1::text[])
 UNION
SELECT basket_id FROM archived_baskets
 WHERE restored_at IS NULL AND basket_id = ANY($1::text[])
"""


class PostgresDeadLetters:
    """DeadLetters and BlockedBaskets. A settled letter stays settled when it is recorded again."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        async with self._database.connection() as connection, connection.transaction():
            await connection.executemany(RECORD, [_row(letter) for letter in letters])

    async def blocked(self, basket_ids: Collection[str]) -> Collection[str]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(BLOCKED, list(basket_ids))
        return {row["basket_id"] for row in rows}


def _row(letter: DeadLetter) -> tuple[object, ...]:
    return (
        letter.source.topic,
        letter.source.partition,
        letter.source.offset,
        _digest(letter),
        letter.key,
        letter.value,
        [to_storable_text(name) for name, _ in letter.headers],
        [value for _, value in letter.headers],
        letter.code,
        to_storable_text(letter.error)[:MAX_ERROR_LENGTH],
        letter.basket_id,
    )


def _digest(letter: DeadLetter) -> bytes:
    return sha256(repr((letter.key, letter.value, list(letter.headers))).encode(errors="replace")).digest()


def to_storable_text(text: str) -> str:
    """Replaces what PostgreSQL's text cannot hold: U+0000 and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")
