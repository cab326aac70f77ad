"""Finds the dead letters that hold data of baskets, and empties them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

# The dead letters about baskets ($1, $2 the same as bytes), named by the letter, the message's key or any header.
# $3 excludes letters that are empty already.
LETTERS_ABOUT = """
SELECT number, about, key, header_values FROM dead_letters
 WHERE (about = ANY($1::text[]) OR key = ANY($2::bytea[]) OR header_values && $2::bytea[])
   AND error <> $3
"""

# The dead letters whose messages contain the id of a basket ($1), such as a command for it.
LETTERS_MENTIONING = """
SELECT letter.number, basket.id
  FROM dead_letters letter, unnest($1::text[]) AS basket (id)
 WHERE letter.value IS NOT NULL AND position(convert_to(basket.id, 'UTF8') IN letter.value) > 0
"""

# Empties dead letters ($1). Only ids of the baskets ($2) stay. The error ($3 instead) may quote the message.
EMPTY_LETTERS = """
UPDATE dead_letters
   SET value = NULL, error = $3, last_error = NULL,
       key = CASE WHEN key = ANY ($2::bytea[]) THEN key END,
       header_names = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = ANY ($2::bytea[])
                           THEN ARRAY['ce_subject'] ELSE '{}' END,
       header_values = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = ANY ($2::bytea[])
                            THEN ARRAY[header_values[array_position(header_names, 'ce_subject')]] ELSE '{}' END
 WHERE number = ANY($1::bigint[])
"""

EMPTIED = "forgotten with the personal data of its basket"


async def letters_of(
    connection: asyncpg.Connection, basket_ids: Sequence[str], timeout: float
) -> Mapping[str, Collection[int]]:
    """The numbers of the dead letters that hold anything of each basket. Reads every letter."""
    found: dict[str, set[int]] = {}
    for number, basket_id in await connection.fetch(LETTERS_MENTIONING, basket_ids, timeout=timeout):
        found.setdefault(basket_id, set()).add(number)
    by_bytes = {basket_id.encode(): basket_id for basket_id in basket_ids}
    rows = await connection.fetch(LETTERS_ABOUT, basket_ids, [*by_bytes], EMPTIED, timeout=timeout)
    for number, about, key, values in rows:
        named = {by_bytes[value] for value in (key, *values) if value in by_bytes}
        for basket_id in named | ({about} & {*basket_ids}):
            found.setdefault(basket_id, set()).add(number)
    return found


async def empty_letters(
    connection: asyncpg.Connection, letters: Mapping[str, Collection[int]], basket_ids: Sequence[str]
) -> int:
    """Empties the letters of these baskets, but for the ids of the baskets. Returns how many."""
    numbers = {number for basket_id in basket_ids for number in letters.get(basket_id, ())}
    named = [basket_id.encode() for basket_id in basket_ids]
    return affected_rows(await connection.execute(EMPTY_LETTERS, sorted(numbers), named, EMPTIED))


def affected_rows(status: str) -> int:
    """The number in a command's tag, such as `UPDATE 3`."""
    return int(status.rpartition(" ")[2])
