"""The database and the broker of `checkout up`: what settings name, else embedded ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import ServerFailed, in_a_thread
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name
from adapters.privacy.master_keys import make_master_key
from adapters.settings import Settings

STOP_LIMIT = 3.0
_LOOK_EVERY = 0.1


class Parts:
    """`settings` name them all, and `environment` says the same to child processes (on top of this one's)."""

    def __init__(self, folder: Path, *, ephemeral: bool) -> None:
        self.logs = folder / "logs"
        given = Settings()
        changes: dict[str, str] = {}
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        if given.database_url is None:
            self._postgres = EmbeddedPostgres(
                folder / "postgres", log=self.log("postgres"), ephemeral=ephemeral, database="checkout"
            )
            changes["database_url"] = self._signed_in("operator")
            if given.database_sslmode is not None:
                changes["database_sslmode"] = "disable"  # there is no TLS on the loopback address
        if given.kafka_bootstrap_servers is None:
            self._broker = EmbeddedBroker(self.log("broker"))
            changes |= {
                "kafka_bootstrap_servers": self._broker.bootstrap_servers,
                "kafka_delivery": "at_least_once",
                "kafka_replication_factor": "1",
                "kafka_fetch_max_wait_ms": "10",
                # It lets the first consumer of a group wait for half of this.
                "kafka_session_timeout_ms": "3000",
                # Its memory is empty at each start, so what was published before is to be published again.
                "publisher_id": f"embedded-{uuid.uuid4().hex}",
            }
        if given.data_key_file is None:
            master_key = folder.absolute() / "data-key"
            make_master_key(master_key)
            changes["data_key_file"] = str(master_key)
        if "landing_cookie_secure" not in given.model_fields_set:
            changes["landing_cookie_secure"] = "false"  # there is no TLS here
        self.settings = Settings.model_validate(given.model_dump(exclude_unset=True) | changes)
        self.environment = {f"CHECKOUT_{name.upper()}": value for name, value in changes.items()}

    def environment_of(self, role: Role) -> dict[str, str]:
        """`environment` for a child process that signs in to the embedded database by this role. The API's process
        signs in as operators too, for what they do through it."""
        if self._postgres is None:
            return self.environment
        of_operators = (
            {"CHECKOUT_OPERATOR_DATABASE_URL": self._signed_in("operator")} if role == "api" else {}
        )
        return {**self.environment, "CHECKOUT_DATABASE_URL": self._signed_in(role), **of_operators}

    def _signed_in(self, role: Role) -> str:
        assert self._postgres is not None  # noqa: S101  (for the type checker)
        return self._postgres.url_of(self._postgres.database, role_name(role))

    def log(self, name: str) -> Path:
        """A new log file; the one of the run before is kept beside it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        return log

    async def start_database(self) -> None:
        """Starts PostgreSQL where it is ours, and migrates."""
        # The tools of migration are slow to load: they do it while PostgreSQL makes its folder.
        loading = in_a_thread(lambda: import_module("adapters.postgres.migrate"))
        starting = [self._postgres.start()] if self._postgres is not None else []
        await asyncio.gather(loading, *starting)
        from adapters.postgres.connecting import database_url  # noqa: PLC0415
        from adapters.postgres.migrate import migrate  # noqa: PLC0415

        if self._postgres is None:
            await migrate(database_url(self.settings))
        else:
            # Its superuser is for this alone; nobody needs a password to a server on the loopback address.
            await migrate(self._postgres.url, DatabaseRoles(passwords=dict.fromkeys(ROLES)))

    async def start_broker(self) -> None:
        """Starts the broker where it is ours, and makes the topics."""
        if self._broker is not None:
            await self._broker.start()
        from adapters.kafka.topics import ensure_topics  # noqa: PLC0415  slow to load: after the start

        await ensure_topics(self.settings)

    async def watch(self, say: Callable[[str], None]) -> None:
        """Starts an embedded PostgreSQL again when it ends. Raises ServerFailed when an embedded broker ends: its
        topics are gone with it, and only a new start publishes everything again."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._broker is not None and not self._broker.running:
                raise ServerFailed("the embedded broker has ended, and what it held is gone: start again")
            if self._postgres is not None and not self._postgres.running:
                say("PostgreSQL has ended and is started again")
                await self._postgres.start()

    async def stop(self) -> None:
        """Stops what is ours, within 3 s."""
        servers = (self._postgres, self._broker)
        await asyncio.gather(*(server.stop(STOP_LIMIT) for server in servers if server is not None))
