"""Brings a database to the newest schema. Forward only: a new release never takes a column from an old one
that still runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.postgres.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"

# Processes that migrate at once go one after the other; the number only has to be the same for all.
_LOCK = text("SELECT pg_advisory_xact_lock(7208041001)")

_alone = asyncio.Lock()
"""Alembic keeps the migration that runs in global variables: one at a time in a process."""


async def migrate(url: str) -> Sequence[str]:
    """Applies what is missing, all or nothing, and returns the names of the migrations applied, oldest first.

    Safe when several processes do it at once: the first one does the work. Raises StoreUnavailable.
    """
    database = Database(url)
    # The connection is made as everywhere else, so that the URL means the same here.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: database.connect("checkout migrate"),
        poolclass=NullPool,
    )
    try:
        async with _alone, engine.begin() as connection:
            await connection.execute(_LOCK)
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> Sequence[str]:
    applied: list[str] = []

    def note(*, step: Any, **_: object) -> None:
        applied.extend(Path(script.path).stem for script in step.up_revisions)

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, note=note)
    command.upgrade(config, "head")
    return applied
