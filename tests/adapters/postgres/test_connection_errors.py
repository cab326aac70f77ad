"""Why there is no connection, in words that name the setting, and never the password."""

from __future__ import annotations

import socket

import asyncpg
import pytest

from adapters.postgres.connection_errors import describe_failed_connection
from adapters.postgres.pool import DatabasePool
from domain.shared.errors import StoreUnavailable

URL = "postgresql://ann:secret@db.test:5432/shop"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ConnectionRefusedError(111, "Connect call failed"),
            "nothing listens where PostgreSQL at db.test:5432",
        ),
        (socket.gaierror(-2, "Name or service not known"), "no host is called db.test:5432"),
        (TimeoutError(), "PostgreSQL at db.test:5432 did not answer in time"),
        (OSError(113, "No route to host"), "cannot be reached: No route to host"),
        (asyncpg.InvalidPasswordError("no"), "does not take the password of ann"),
        (
            asyncpg.InvalidAuthorizationSpecificationError('role "ann" does not exist'),
            "does not let ann in: role",
        ),
        (asyncpg.InvalidCatalogNameError("no"), "has no database shop; make it, and run `checkout migrate`"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), "too many clients already"),
    ],
)
def test_each_reason_is_explained(error: Exception, words: str) -> None:
    said = describe_failed_connection(error, URL)
    assert words in said
    assert "CHECKOUT_DATABASE_URL" in said
    assert "secret" not in said


async def test_a_missing_database_is_reported_as_missing(database_url: str) -> None:
    database = DatabasePool(f"{database_url}_nowhere")
    with pytest.raises(StoreUnavailable, match=r"has no database \S+_nowhere"):
        async with database.connection():
            pass
    await database.close()
