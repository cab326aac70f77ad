"""Generations of derived tables. The live one lies in the schema public; one that is built and one that is kept
lie in schemas of their own, under the same names, so that statements which say no schema can be pointed at
either by the session's search path, and a switch moves tables without renaming anything.

Names of tables cannot be parameters: a statement here that changes tables is written by the server, which quotes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import asyncpg

from domain.operating.rebuilding import RebuildRefused

Room = Literal["checkout_rebuilt", "checkout_kept", "pg_temp"]
"""Where a generation lies that is not live; the last one is gone with its session."""


def looking_into(room: Room) -> dict[str, str]:
    """Server settings: a derived table's name means the one in this room."""
    return {"search_path": f"{room}, public"}


# Which of these tables ($2) lie in a schema.
THERE = """
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
HANGERS_ON = """
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

# Each of the following writes the statements to execute.

# Empty tables like the live ones, without their indexes: to build these at the end is faster.
MAKE = """
SELECT format('CREATE TABLE checkout_rebuilt.%1$I (LIKE public.%1$I INCLUDING ALL EXCLUDING INDEXES)', name)
  FROM unnest($1::name[]) AS name
 UNION ALL
SELECT format('ALTER TABLE checkout_rebuilt.%I SET (%s)', relname, array_to_string(reloptions, ', '))
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1::name[]) AND reloptions IS NOT NULL
 UNION ALL
SELECT format('GRANT %s ON checkout_rebuilt.%I TO %s', granted.privilege_type, class.relname,
              CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END)
  FROM pg_class class, aclexplode(class.relacl) AS granted
 WHERE class.relnamespace = 'public'::regnamespace AND class.relname = ANY($1::name[])
   AND granted.grantee <> class.relowner
"""

# The same in the session alone, gone at its end; with indexes, where $2.
STAGE = """
SELECT format('CREATE TEMPORARY TABLE %1$I (LIKE public.%1$I INCLUDING DEFAULTS %2$s)', name,
              CASE WHEN $2::boolean THEN 'INCLUDING INDEXES' ELSE '' END)
  FROM unnest($1::name[]) AS name
"""

# Empties what is staged. (A temporary table goes before every other of its name.)
CLEAR_STAGE = "SELECT format('TRUNCATE pg_temp.%I', name) FROM unnest($1::name[]) AS name"

# The indexes that the built tables do not have yet, the largest tables' among them.
INDEX = """
SELECT regexp_replace(pg_get_indexdef(index.indexrelid), ' ON (ONLY )?public\\.', ' ON checkout_rebuilt.')
  FROM pg_index index
  JOIN pg_class class ON class.oid = index.indexrelid
  JOIN pg_class owner ON owner.oid = index.indrelid
 WHERE owner.relnamespace = 'public'::regnamespace AND owner.relname = ANY($1::name[])
   AND NOT EXISTS (SELECT FROM pg_class built
                    WHERE built.relnamespace = 'checkout_rebuilt'::regnamespace
                      AND built.relname = class.relname)
 ORDER BY array_position($1::name[], owner.relname) DESC, class.relname
"""

# The constraints that rest on indexes, and that the built tables do not have yet.
CONSTRAIN = """
SELECT format('ALTER TABLE checkout_rebuilt.%I ADD CONSTRAINT %I %s USING INDEX %I', owner.relname, held.conname,
              CASE held.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, held.conname)
  FROM pg_constraint held
  JOIN pg_class owner ON owner.oid = held.conrelid
 WHERE owner.relnamespace = 'public'::regnamespace AND owner.relname = ANY($1::name[])
   AND held.contype IN ('p', 'u')
   AND NOT EXISTS (SELECT FROM pg_constraint built
                    WHERE built.connamespace = 'checkout_rebuilt'::regnamespace
                      AND built.conname = held.conname)
"""

# The planner is to know the new tables as well as it knew the old ones.
ANALYSE = "SELECT format('ANALYZE checkout_rebuilt.%I', name) FROM unnest($1::name[]) AS name"

# Nobody reads or writes the live tables from here to the end of the transaction.
LOCK = """
SELECT 'LOCK TABLE ' || string_agg(format('public.%I', name), ', ' ORDER BY number)
       || ' IN ACCESS EXCLUSIVE MODE'
  FROM unnest($1::name[]) WITH ORDINALITY AS live (name, number)
"""

# The built generation takes the place of the live one, and that of the one that was kept.
SWITCH = """
SELECT format('DROP TABLE IF EXISTS checkout_kept.%I', name) FROM unnest($1::name[]) AS name
 UNION ALL
SELECT format('ALTER TABLE public.%I SET SCHEMA checkout_kept', name) FROM unnest($1::name[]) AS name
 UNION ALL
SELECT format('ALTER TABLE checkout_rebuilt.%I SET SCHEMA public', name) FROM unnest($1::name[]) AS name
"""

# Whatever of a generation lies in a room.
DROP = """
SELECT format('DROP TABLE IF EXISTS %I.%I', $1::name, name) FROM unnest($2::name[]) AS name
"""

# The kept generation and the live one change places.
CHANGE_PLACES = """
SELECT format('ALTER TABLE public.%I SET SCHEMA checkout_rebuilt', name) FROM unnest($1::name[]) AS name
 UNION ALL
SELECT format('ALTER TABLE checkout_kept.%I SET SCHEMA public', name) FROM unnest($1::name[]) AS name
 UNION ALL
SELECT format('ALTER TABLE checkout_rebuilt.%I SET SCHEMA checkout_kept', name) FROM unnest($1::name[]) AS name
"""


async def execute_written(
    connection: asyncpg.Connection, writer: str, *values: object, timeout: float | None = None
) -> None:
    """Executes the statements that `writer` writes, in its order."""
    for (statement,) in await connection.fetch(writer, *values):
        await connection.execute(statement, timeout=timeout)


async def is_there(connection: asyncpg.Connection, room: Room, tables: Sequence[str]) -> bool:
    """Whether a whole generation lies in the room."""
    return len(await connection.fetch(THERE, room, tables)) == len(tables)


async def fits(connection: asyncpg.Connection, room: Room, tables: Sequence[str]) -> bool:
    """Whether a generation has the columns that the live one has: a migration may have come between."""
    return await is_there(connection, room, tables) and bool(await connection.fetchval(FITS, room, tables))


async def make(connection: asyncpg.Connection, tables: Sequence[str]) -> None:
    """An empty generation in place of whatever was left there. Raises RebuildRefused where something hangs on
    the live tables that would not go along."""
    if hangers_on := [name for (name,) in await connection.fetch(HANGERS_ON, tables)]:
        raise RebuildRefused(
            f"views, triggers or foreign keys hang on the live tables: {', '.join(hangers_on)}"
        )
    await drop(connection, "checkout_rebuilt", tables)
    await execute_written(connection, MAKE, tables)


async def drop(connection: asyncpg.Connection, room: Room, tables: Sequence[str]) -> None:
    await execute_written(connection, DROP, room, tables)
