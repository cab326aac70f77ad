"""Blue-green tables. The live tables lie in the schema `public`, built and kept ones under the same names in slots:
schemas of their own.

The search path of a session says which tables a statement without a schema means, and a switch moves tables without
renaming them. Names of tables cannot be parameters, so the server writes the statements that change tables, and quotes
the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import asyncpg

from domain.operators.rebuild import RebuildRefused

Slot = Literal["checkout_rebuilt", "checkout_kept", "pg_temp"]
"""Where tables lie that are not live; temporary ones are gone with their session."""


def search_path(slot: Slot) -> dict[str, str]:
    """Server settings: a table's name means the one in this slot."""
    return {"search_path": f"{slot}, public"}


# Which of the tables ($2) exist in a schema.
EXISTING = """
SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename = ANY($2::name[])
"""

# Whether the tables ($2) have the same columns in a schema as the live ones.
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

# Dependents of the live tables that would stay with the old ones: views, triggers, foreign keys.
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

Step = Literal["make", "index", "constrain", "analyse", "lock", "switch", "change places", "drop built", "drop kept"]
"""The steps that the database function `generation_statements` knows."""

# The statements of a step, in their order.
STATEMENTS = "SELECT generation_statements($1, $2::name[])"

# Executes one of them with the rights of the tables' owner.
EXECUTE = "SELECT execute_generation_statement($1, $2::name[], $3)"

# Writes statements that create empty temporary tables like the live ones; with indexes, where $2.
STAGE = """
SELECT format('CREATE TEMPORARY TABLE %1$I (LIKE public.%1$I INCLUDING DEFAULTS %2$s)', name,
              CASE WHEN $2::boolean THEN 'INCLUDING INDEXES' ELSE '' END)
  FROM unnest($1::name[]) AS name
"""

# Writes statements that empty them. (A temporary table hides every other of its name.)
CLEAR_STAGE = "SELECT format('TRUNCATE pg_temp.%I', name) FROM unnest($1::name[]) AS name"


async def execute_generated(connection: asyncpg.Connection, writer: str, *values: object) -> None:
    """Executes the statements that the query `writer` writes."""
    for (statement,) in await connection.fetch(writer, *values):
        await connection.execute(statement)


async def statements(connection: asyncpg.Connection, step: Step, tables: Sequence[str]) -> Sequence[str]:
    return [statement for (statement,) in await connection.fetch(STATEMENTS, step, tables)]


async def execute(connection: asyncpg.Connection, step: Step, tables: Sequence[str], statement: str) -> None:
    await connection.execute(EXECUTE, step, tables, statement)


async def execute_step(connection: asyncpg.Connection, step: Step, tables: Sequence[str]) -> None:
    for statement in await statements(connection, step, tables):
        await execute(connection, step, tables, statement)


async def exists(connection: asyncpg.Connection, slot: Slot, tables: Sequence[str]) -> bool:
    return len(await connection.fetch(EXISTING, slot, tables)) == len(tables)


async def fits(connection: asyncpg.Connection, slot: Slot, tables: Sequence[str]) -> bool:
    """Whether the tables in a slot have the columns of the live ones: a migration may have changed these."""
    return await exists(connection, slot, tables) and bool(await connection.fetchval(FITS, slot, tables))


async def create(connection: asyncpg.Connection, tables: Sequence[str]) -> None:
    """Creates empty tables in place of earlier ones. Raises RebuildRefused where views, triggers or foreign keys depend
    on the live tables: they would not move along."""
    if dependents := [name for (name,) in await connection.fetch(DEPENDENTS, tables)]:
        raise RebuildRefused(f"views, triggers or foreign keys hang on the live tables: {', '.join(dependents)}")
    await execute_step(connection, "drop built", tables)
    await execute_step(connection, "make", tables)
