"""Generations of derived tables. The live one lies in the schema public; one that is built and one that is kept
lie in schemas of their own, under the same names, so that statements which say no schema can be pointed at
either by the session's search path, and a switch moves tables without renaming anything.

Names of tables cannot be parameters: a statement here that changes tables is written by the server, which quotes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import asyncpg

from domain.operators.rebuild import RebuildRefused

Slot = Literal["checkout_rebuilt", "checkout_kept", "pg_temp"]
"""Where a generation lies that is not live; the last one is gone with its session."""


def search_path(room: Slot) -> dict[str, str]:
    """Server settings: a derived table's name means the one in this room."""
    return {"search_path": f"{room}, public"}


# Which of these tables ($2) lie in a schema.
EXISTING = """
SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename = ANY($2::name[])
"""

# Whether these tables ($2) have the same columns in a schema as they have live.
FITS = """
WITH columns AS (
    SELECT space.nspname, class.relname, attribute.attname, attribute.atttypid, attribute.atttypmod,
           attribute.attnotnull,
           row_number() OVER (PARTITION BY class.oid ORDER BY attribute.attnum) AS number
      FROM pg_class class
      JOIN pg_namespace space ON space.oid = class.relnamespace
      JOIN pg_attribute attribute ON attribute.attrelid = class.oid
     WHERE class.relname = ANY($2::name[]) AND class.relkind = 'r'
       AND attribute.attnum > 0 AND NOT attribute.attisdropped)
SELECT NOT EXISTS (
    (SELECT relname, attname, atttypid, atttypmod, attnotnull, number FROM columns WHERE nspname = $1
     EXCEPT
     SELECT relname, attname, atttypid, atttypmod, attnotnull, number FROM columns WHERE nspname = 'public')
    UNION ALL
    (SELECT relname, attname, atttypid, atttypmod, attnotnull, number FROM columns WHERE nspname = 'public'
     EXCEPT
     SELECT relname, attname, atttypid, atttypmod, attnotnull, number FROM columns WHERE nspname = $1))
"""

# What hangs on live tables by their identity and would stay behind with the old generation: views, triggers of
# ours, foreign keys.
DEPENDENTS = """
SELECT DISTINCT rule.ev_class::regclass::text
  FROM pg_depend depends JOIN pg_rewrite rule ON rule.oid = depends.objid
 WHERE depends.classid = 'pg_rewrite'::regclass AND depends.refclassid = 'pg_class'::regclass
   AND depends.refobjid IN (SELECT oid FROM pg_class
                             WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1::name[]))
 UNION
SELECT tgname::text FROM pg_trigger
 WHERE NOT tgisinternal
   AND tgrelid IN (SELECT oid FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1::name[]))
 UNION
SELECT conname::text FROM pg_constraint
 WHERE contype = 'f'
   AND (conrelid IN (SELECT oid FROM pg_class
                      WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1::name[]))
        OR confrelid IN (SELECT oid FROM pg_class
                          WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1::name[])))
"""

Step = Literal[
    "make", "index", "constrain", "analyse", "lock", "switch", "change places", "drop built", "drop kept"
]
"""What is done to generations, as the function `generation_statements` of the database knows it."""

# The statements of a step.
STATEMENTS = "SELECT generation_statements($1, $2::name[])"

# Executes one of them with the rights of the tables' owner.
EXECUTE = "SELECT execute_generation_statement($1, $2::name[], $3)"

# Each of the following writes the statements to execute.

# Empty tables like the live ones in the session alone, gone at its end; with indexes, where $2.
STAGE = """
SELECT format('CREATE TEMPORARY TABLE %1$I (LIKE public.%1$I INCLUDING DEFAULTS %2$s)', name,
              CASE WHEN $2::boolean THEN 'INCLUDING INDEXES' ELSE '' END)
  FROM unnest($1::name[]) AS name
"""

# Empties what is staged. (A temporary table goes before every other of its name.)
CLEAR_STAGE = "SELECT format('TRUNCATE pg_temp.%I', name) FROM unnest($1::name[]) AS name"


async def execute_generated(connection: asyncpg.Connection, writer: str, *values: object) -> None:
    """Executes the statements that `writer` writes, in its order."""
    for (statement,) in await connection.fetch(writer, *values):
        await connection.execute(statement)


async def statements(connection: asyncpg.Connection, step: Step, tables: Sequence[str]) -> Sequence[str]:
    """What is to be executed for a step, in this order."""
    return [statement for (statement,) in await connection.fetch(STATEMENTS, step, tables)]


async def execute(connection: asyncpg.Connection, step: Step, tables: Sequence[str], statement: str) -> None:
    """Executes one statement of a step."""
    await connection.execute(EXECUTE, step, tables, statement)


async def execute_step(connection: asyncpg.Connection, step: Step, tables: Sequence[str]) -> None:
    """Executes a whole step."""
    for statement in await statements(connection, step, tables):
        await execute(connection, step, tables, statement)


async def exists(connection: asyncpg.Connection, room: Slot, tables: Sequence[str]) -> bool:
    """Whether a whole generation lies in the room."""
    return len(await connection.fetch(EXISTING, room, tables)) == len(tables)


async def fits(connection: asyncpg.Connection, room: Slot, tables: Sequence[str]) -> bool:
    """Whether a generation has the columns that the live one has: a migration may have come between."""
    return await exists(connection, room, tables) and bool(await connection.fetchval(FITS, room, tables))


async def create(connection: asyncpg.Connection, tables: Sequence[str]) -> None:
    """An empty generation in place of whatever was left there. Raises RebuildRefused where something hangs on
    the live tables that would not go along."""
    if hangers_on := [name for (name,) in await connection.fetch(DEPENDENTS, tables)]:
        raise RebuildRefused(
            f"views, triggers or foreign keys hang on the live tables: {', '.join(hangers_on)}"
        )
    await execute_step(connection, "drop built", tables)
    await execute_step(connection, "make", tables)
