"""The database and the broker of `checkout up`: what settings name, else embedded ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import monotonic

from pydantic import SecretStr

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import (
    ChildProcess,
    ServerFailed,
    free_port,
    is_port_free,
    run_in_thread,
)
from adapters.encryption.keys import create_master_key_file
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name
from adapters.settings import Settings, variable_name
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

STOP_LIMIT = 3.0
_IDENTITY = frozenset(
    name
    for name in Settings.model_fields
    if name.startswith(("kafka_", "jwt_", "jwks_", "database_ssl"))
    or name in {"data_key_file", "local_issuer_key_file"}
) | {"partner_claim", "publisher_id", "landing_cookie_secure"}
"""Settings that say which service is meant, and not how a process of it works."""

_LOOK_EVERY = 0.1
_WEIGH_EVERY = 5.0
_CAUGHT_UP_WITHIN = 30.0
_READERS = frozenset({"projector", "catalogue", "commands"})


class EmbeddedServices:
    """`settings` name them all, and `environment` says the same to child processes (on top of this one's)."""

    def __init__(
        self, folder: Path, given: Settings, *, ephemeral: bool, ports: Mapping[str, int] | None = None
    ) -> None:
        """`given` are the settings of the environment; `ports` those that the parts had last time, which they get
        again where nobody else has them."""
        self.logs = folder / "logs"
        had = ports or {}
        self.ports: dict[str, int] = {}
        changes: dict[str, str] = {}
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        if given.database_url is None:
            self._postgres = EmbeddedPostgres(
                folder / "postgres",
                port=reusable_port(had.get("postgres")),
                log=self.log("postgres"),
                ephemeral=ephemeral,
                database="checkout",
            )
            self.ports["postgres"] = self._postgres.port
            changes["database_url"] = self._signed_in("operator")
            if given.database_sslmode is not None:
                changes["database_sslmode"] = "disable"  # there is no TLS on the loopback address
        if given.kafka_bootstrap_servers is None:
            self._broker = EmbeddedBroker(self.log("broker"), port=reusable_port(had.get("broker")))
            self.ports["broker"] = self._broker.port
            changes |= {
                "kafka_bootstrap_servers": self._broker.bootstrap_servers,
                "kafka_delivery": "at_least_once",
                "kafka_replication_factor": "1",
                "kafka_fetch_max_wait_ms": "10",
                "kafka_idle_poll_ms": "250",
                # It lets the first consumer of a group wait for half of this.
                "kafka_session_timeout_ms": "3000",
                # Its memory is empty at each start, so what was published before is to be published again.
                "publisher_id": f"embedded-{uuid.uuid4().hex}",
            }
        if given.data_key_file is None:
            master_key = folder.absolute() / "data-key"
            create_master_key_file(master_key)
            changes["data_key_file"] = str(master_key)
        if "landing_cookie_secure" not in given.model_fields_set:
            changes["landing_cookie_secure"] = "false"  # there is no TLS here
        self.settings = Settings.model_validate(given.model_dump(exclude_unset=True) | changes)
        self.environment = {variable_name(name): value for name, value in changes.items()}

    def environment_of(self, role: Role) -> dict[str, str]:
        """`environment` for a child process that signs in to the embedded database by this role. The API's process
        signs in as operators too, for what they do through it."""
        if self._postgres is None:
            return self.environment
        of_operators = {"operator_database_url": self._signed_in("operator")} if role == "api" else {}
        urls = {"database_url": self._signed_in(role), **of_operators}
        return {**self.environment, **{variable_name(name): url for name, url in urls.items()}}

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
        loading = run_in_thread(lambda: import_module("adapters.postgres.migrator"))
        starting = [self._postgres.start()] if self._postgres is not None else []
        await asyncio.gather(loading, *starting)
        from adapters.postgres.connection_url import database_url
        from adapters.postgres.migrator import migrate

        if self._postgres is None:
            await migrate(database_url(self.settings))
        else:
            # Its superuser is for this alone; nobody needs a password to a server on the loopback address.
            await migrate(self._postgres.url, DatabaseRoles(passwords=dict.fromkeys(ROLES)))

    async def start_broker(self) -> None:
        """Starts the broker where it is ours, and makes the topics."""
        if self._broker is not None:
            await self._broker.start()
        from adapters.kafka.topics import ensure_topics

        await ensure_topics(self.settings)

    async def watch(self, workers: ChildProcess, say: Callable[[str], None]) -> None:
        """Starts an embedded PostgreSQL again when it ends, and an embedded broker that holds too much. Raises
        ServerFailed when an embedded broker ends: its topics are gone with it, and only a new start publishes
        everything again."""
        weigh_at = monotonic() + _WEIGH_EVERY
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._broker is not None and not self._broker.running:
                raise ServerFailed("the embedded broker has ended, and what it held is gone: start again")
            if self._postgres is not None and not self._postgres.running:
                say("PostgreSQL has ended and is started again")
                await self._postgres.start()
            if self._broker is not None and monotonic() > weigh_at:
                weigh_at = monotonic() + _WEIGH_EVERY
                most = self.settings.embedded_broker_megabytes
                if self._broker.memory_bytes() > most * 1024 * 1024:
                    with suppress(Unavailable):  # PostgreSQL is away: another time
                        await self._begin_topics_anew(self._broker, workers)
                        say(
                            f"the embedded broker held more than {most} MB and was started anew: its topics hold"
                            " only what is published from now on"
                        )

    async def _begin_topics_anew(self, broker: EmbeddedBroker, workers: ChildProcess) -> None:
        """As if the topics had lost their old messages to retention. Whoever keeps the workers alive starts them
        again."""
        from adapters.container import open_operator_container

        async with open_operator_container(self.settings) as parts:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CAUGHT_UP_WITHIN):
                    # Whoever produced to it is to have been read; nobody says when that is so.
                    while await _something_waits(parts.service_status):  # noqa: ASYNC110
                        await asyncio.sleep(_LOOK_EVERY)
            await workers.stop(STOP_LIMIT)
            await parts.publisher_checkpoints.begin_anew(self.settings.publisher_id)
            await broker.stop(STOP_LIMIT)
            await self.start_broker()

    async def stop(self) -> None:
        """Stops what is ours, within 3 s."""
        servers = (self._postgres, self._broker)
        await asyncio.gather(*(server.stop(STOP_LIMIT) for server in servers if server is not None))

    @property
    def identity(self) -> Mapping[str, str]:
        """The variables by which another process finds these parts, and gets tokens that the service takes."""
        settings = self.settings
        named = {"database_url", "kafka_bootstrap_servers", *(settings.model_fields_set & _IDENTITY)}
        values = {variable_name(name): getattr(settings, name) for name in sorted(named)}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else _absolute(value)
            for name, value in values.items()
            if value is not None
        }


async def _something_waits(statuses: StatusService) -> bool:
    return any(lag.events and lag.worker in _READERS for lag in (await statuses.now()).lags)


def reusable_port(port: int | None) -> int:
    """The port where nobody has it now, else a free one."""
    return port if port and is_port_free(port) else free_port()


def _absolute(value: object) -> str:
    """Other processes may work in another folder."""
    return str(value.absolute() if isinstance(value, Path) else value)
