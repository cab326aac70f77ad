"""Migrates a database to the newest schema. Forward only: a release never removes a column that a running older
release uses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.postgres.event_partitions import first_partition_proved
from adapters.postgres.pool import DatabasePool
from adapters.postgres.roles import DatabaseRoles, act_as_owner, create_roles, grant_rights, prefix_in_use
from domain.shared.errors import CheckoutError

_MIGRATIONS = Path(__file__).parent / "migrations"

# Only one process migrates at a time. The number is arbitrary and the same for all.
_LOCK = text("SELECT pg_advisory_xact_lock(7208041001)")

_one_at_a_time = asyncio.Lock()
"""Alembic keeps the running migration in global variables."""


class MigrationForbidden(CheckoutError):
    """The role that is signed in may not migrate. The message says who may."""


async def migrate(url: str, roles: DatabaseRoles | None = None, *, revision: str = "head") -> Sequence[str]:
    """Applies the missing migrations up to a revision, all or none, and returns their names, oldest first.

    Creates `roles` first, which then own what exists. In a database that has roles it grants their rights again.
    Several processes may migrate at once: the first one does the work. Raises StoreUnavailable and
    MigrationForbidden.
    """
    database = DatabasePool(url)
    # Connects as everywhere else, so that the URL means the same here.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: database.connect("checkout migrate"),
        poolclass=NullPool,
    )
    try:
        async with _one_at_a_time, first_partition_proved(database), engine.begin() as connection:
            await connection.execute(_LOCK)
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)  # noqa: S101  (for the type checker)
            if roles is not None:
                await create_roles(driver, roles)
            prefix = await prefix_in_use(driver)
            if prefix is not None:
                await act_as_owner(driver, prefix)
            applied = await connection.run_sync(_upgrade, revision)
            if prefix is not None:
                await grant_rights(driver, prefix)
            return applied
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationForbidden(_who_may(error, creates_roles=roles is not None)) from error
    finally:
        await engine.dispose()


def _who_may(error: asyncpg.InsufficientPrivilegeError, *, creates_roles: bool) -> str:
    who = (
        "one who may create roles and owns the database, or a superuser; where that is not you,"
        " `checkout migrate --print-roles` prints what an administrator runs"
        if creates_roles
        else "the owner of the tables (checkout_owner, where `checkout migrate --roles` made the roles)"
    )
    return f"PostgreSQL refused it: {error}; the user of CHECKOUT_DATABASE_URL has to be {who}"


def _upgrade(connection: Connection, revision: str) -> Sequence[str]:
    applied: list[str] = []

    def note(*, step: Any, **_: object) -> None:
        applied.extend(Path(script.path).stem for script in step.up_revisions)

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, note=note)
    command.upgrade(config, revision)
    return applied
