"""Which dead letters hold anything of baskets, and taking it out of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

# The dead letters about baskets ($1; $2 the same as bytes) that hold more than the baskets' ids: they may be named by
# what was found out, by the message's key or by any of its headers. A message that only speaks of a basket is found
# by LETTERS_MENTIONING.
LETTERS_ABOUT = """
SELECT number, about, key, header_values FROM dead_letters
 WHERE (about = ANY($1::text[]) OR key = ANY($2::bytea[]) OR header_values && $2::bytea[])
   AND error <> $3
"""

# The dead letters whose messages speak of baskets ($1), such as a command that names one.
LETTERS_MENTIONING = """
SELECT letter.number, basket.id
  FROM dead_letters letter, unnest($1::text[]) AS basket (id)
 WHERE letter.value IS NOT NULL AND position(convert_to(basket.id, 'UTF8') IN letter.value) > 0
"""

# Takes out of dead letters ($1) all that came with the message, but what names one of the baskets ($2), and the words
# about it ($3 instead), which may quote it.
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
    """The numbers of the dead letters that hold anything of baskets, by basket. Reads every letter."""
    found: dict[str, set[int]] = {}
    for number, basket_id in await connection.fetch(LETTERS_MENTIONING, basket_ids, timeout=timeout):
        found.setdefault(basket_id, set()).add(number)
    named = {basket_id.encode(): basket_id for basket_id in basket_ids}
    rows = await connection.fetch(LETTERS_ABOUT, basket_ids, [*named], EMPTIED, timeout=timeout)
    for number, about, key, values in rows:
        told = {named[value] for value in (key, *values) if value in named}
        for basket_id in told | ({about} & {*basket_ids}):
            found.setdefault(basket_id, set()).add(number)
    return found


async def empty_letters(
    connection: asyncpg.Connection, letters: Mapping[str, Collection[int]], basket_ids: Sequence[str]
) -> int:
    """Takes all that is not the id of one of these baskets out of their letters; returns of how many."""
    numbers = {number for basket_id in basket_ids for number in letters.get(basket_id, ())}
    named = [basket_id.encode() for basket_id in basket_ids]
    done = await connection.execute(EMPTY_LETTERS, sorted(numbers), named, EMPTIED)
    return int(done.rpartition(" ")[2])
