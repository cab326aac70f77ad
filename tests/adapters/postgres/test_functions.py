"""Every SQL function stands once, in a file, and every database has it as the file says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import migrations
from adapters.postgres.migrator import migrate
from tests.servers.postgres import Databases

FOLDER = Path(migrations.__file__).parent
FILES = sorted((FOLDER / "functions").glob("*.sql"))
VERSIONS = sorted((FOLDER / "versions").glob("*.sql"))
EARLIER = [path.stem[:4] for path in VERSIONS if path.stem < "0022"]

# The functions of a database, as they are.
DEFINITIONS = """
SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""

# What the newest migration of each function made of it: the migration, and the digest of the function's file. When a
# function's file changes, add a migration that includes it and write both down here. Else databases that ran the
# migrations keep the function of before.
RELEASED = {
    "abandon_archive_file": ("0029", "738af6230c16a303"),
    "append_events": ("0027", "bbdfd0ab2921ec5c"),
    "archive_baskets": ("0029", "8d3514e67ead727a"),
    "drop_empty_event_partition": ("0027", "3aa708ae3b747b40"),
    "event_digest": ("0028", "72ac8b599e81fbba"),
    "execute_generation_statement": ("0022", "5e124ef22363ad55"),
    "first_basket_id": ("0027", "9c3f9a8aff3d06ba"),
    "generation_statements": ("0022", "8eafd7f8cf63ff98"),
    "guard_events": ("0027", "b3eaeae94c3d5a41"),
    "learn_one_after_the_other": ("0022", "ea36d196447119fc"),
    "make_event_partition": ("0027", "1614a17d3f38ad5a"),
    "refuse_change_of_catalogue_facts": ("0022", "fe74d03e72e770d4"),
    "refuse_change_of_destroyed_data_keys": ("0022", "247a25c7df4286ee"),
    "refuse_change_of_events": ("0022", "8c5593d8239d6672"),
    "refuse_change_of_operator_actions": ("0022", "2bfcf4393834be59"),
    "restore_baskets": ("0028", "7f4029cf969a0091"),
}


async def definitions(connection: asyncpg.Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in await connection.fetch(DEFINITIONS)}


async def test_a_new_database_has_the_functions_that_have_files_and_no_others(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert sorted(await definitions(connection)) == [path.stem for path in FILES]
    await connection.close()


@pytest.mark.parametrize("revision", EARLIER)
async def test_an_upgraded_database_ends_with_the_same_functions_as_a_new_one(
    databases: Databases, database_url: str, revision: str
) -> None:
    url = await databases.empty()
    await migrate(url, revision=revision)
    connection = await asyncpg.connect(url)
    for definition in (await definitions(connection)).values():
        signature = definition.partition("AS $function$")[0]
        await connection.execute(f"{signature} AS $$BEGIN RAISE 'the body of an earlier release'; END$$")
    await migrate(url)
    new = await asyncpg.connect(database_url)
    assert await definitions(connection) == await definitions(new)
    for each in (connection, new):
        await each.close()
    await databases.drop(url)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_function_whose_file_changed_has_a_migration(path: Path) -> None:
    include = f"\\ir ../functions/{path.name}\n"
    newest = max(version.stem[:4] for version in VERSIONS if include in version.read_text(encoding="utf-8"))
    assert RELEASED[path.stem] == (newest, hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def test_no_migration_holds_a_function_itself() -> None:
    made = re.compile(r"CREATE (OR REPLACE )?FUNCTION")
    assert [path.stem for path in VERSIONS if made.search(path.read_text(encoding="utf-8"))] == []
