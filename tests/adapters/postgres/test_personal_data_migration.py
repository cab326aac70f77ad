"""What the migration makes of a database that is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.postgres import migrations
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from tests.servers.postgres import Databases

BASKET = "basket-0198c5a2-7f00-7c3e-9a51-3a5de7f0c101"
INSERT = """
INSERT INTO answers (scope, key, fingerprint, status, headers, body) VALUES ('acme/update', $1, '', $2, '{}', $3)
"""


@pytest.fixture
async def url_before(databases: Databases) -> AsyncIterator[str]:
    """A database as the release before left it."""
    url = await databases.empty()
    database = DatabasePool(url)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: database.connect("test"), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(_migrate_to_the_one_before)
    await engine.dispose()
    yield url
    await databases.drop(url)


def _migrate_to_the_one_before(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes.update(connection=connection, note=lambda **_: None)
    before = ScriptDirectory.from_config(config).get_revision("0012").down_revision
    assert isinstance(before, str)
    command.upgrade(config, before)


async def test_answers_that_are_kept_already_are_found_by_their_basket(url_before: str) -> None:
    connection = await asyncpg.connect(url_before)
    for key, status, body in (
        ("of a basket", 200, f'{{"id":"{BASKET}","order":{{"tracking":{{"a":1}}}}}}'.encode()),
        ("a refusal", 422, f'{{"id":"{BASKET}"}}'.encode()),
        ("of something else", 200, b'{"id":"other"}'),
        ("no JSON", 200, b"\xff\x00"),
    ):
        await connection.execute(INSERT, key, status, body)

    await migrate(url_before)

    found = await connection.fetch("SELECT key, stream_id FROM answers WHERE stream_id IS NOT NULL")
    await connection.close()
    assert [tuple(row) for row in found] == [("of a basket", BASKET)]
