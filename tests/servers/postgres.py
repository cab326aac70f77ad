"""Which PostgreSQL the tests run against, and fresh databases in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name
from tests.servers.docker import POSTGRES_IMAGE, engine_answers, postgres_container
from tests.servers.waiting import eventually


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server by the URL of a superuser (or of a role that may make databases and roles)."""

    url: str
    description: str


@asynccontextmanager
async def running_postgres() -> AsyncIterator[PostgresServer]:
    """What `CHECKOUT_TEST_DATABASE_URL` names; else a container; else the embedded one."""
    if named := os.environ.get("CHECKOUT_TEST_DATABASE_URL"):
        yield await described(named, "named by CHECKOUT_TEST_DATABASE_URL")
    elif engine_answers():
        async with postgres_container() as url:
            yield await described(url, f"in a container, {POSTGRES_IMAGE}")
    else:
        with postgres_folder() as folder:
            async with EmbeddedPostgres(folder, ephemeral=True) as server:
                yield await described(server.url, "embedded, from the wheel")


class postgres_folder:  # noqa: N801  used as a function
    """A temporary data folder that the server's own system user can reach: pytest's own are closed to others."""

    def __enter__(self) -> Path:
        self._root = Path(tempfile.mkdtemp(prefix="checkout-test-"))
        return self._root / "postgres"

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


PREFIX = "checkout_test"
"""Of the roles that tests sign in by; a server that is named may have others."""


class Databases:
    """Fresh, migrated databases: copies of a template that was migrated once."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        # The same for all who test on this server at the same time: roles belong to the server.
        self._password = hashlib.sha256(server_url.encode()).hexdigest()
        self._template: str | None = None

    async def fresh(self, role: Role | None = None) -> str:
        """The URL of a new database that nobody else uses, signed in as the role; None: as the administrator."""
        if self._template is None:
            template = await self._make("template1")
            passwords = dict.fromkeys(ROLES, self._password)
            await migrate(self._url_of(template), DatabaseRoles(PREFIX, passwords))
            self._template = template
        return self.signed_in(self._url_of(await self._make(self._template)), role)

    def signed_in(self, url: str, role: Role | None) -> str:
        """The URL of the same database for another role; None: for the administrator."""
        server = urlsplit(self._server_url)
        if role is not None:
            who = f"{role_name(role, PREFIX)}:{self._password}"
            server = server._replace(netloc=f"{who}@{server.netloc.rpartition('@')[2]}")
        return server._replace(path=urlsplit(url).path).geturl()

    async def empty(self) -> str:
        """The URL of a new database without our tables."""
        return self._url_of(await self._make("template1"))

    async def drop(self, url: str) -> None:
        await self._run(DROP_DATABASE, urlsplit(url).path.lstrip("/"))

    async def close(self) -> None:
        if self._template is not None:
            await self._run(DROP_DATABASE, self._template)

    async def _make(self, template: str) -> str:
        name = f"checkout_test_{uuid.uuid4().hex}"
        await self._run(CREATE_DATABASE, name, template)
        return name

    async def _run(self, statement: str, *names: str) -> None:
        connection = await asyncpg.connect(self._server_url)
        try:
            await connection.execute(await connection.fetchval(statement, *names))
        finally:
            await connection.close()

    def _url_of(self, database: str) -> str:
        return urlsplit(self._server_url)._replace(path=f"/{database}").geturl()


# Each writes the statement to run: names of databases cannot be parameters, so the server quotes them.
CREATE_DATABASE = "SELECT format('CREATE DATABASE %I TEMPLATE %I', $1::text, $2::text)"
DROP_DATABASE = "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)"


async def described(url: str, origin: str) -> PostgresServer:
    """The server with its version, once it answers."""

    async def version() -> str | None:
        try:
            connection = await asyncpg.connect(url, timeout=3)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise AssertionError(f"PostgreSQL ({origin}) does not answer: {error}") from error
        try:
            return str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close()

    return PostgresServer(url, f"PostgreSQL {await eventually(version, limit=60)} ({origin})")
