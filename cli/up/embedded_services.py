"""The database and the broker of `checkout up`: those that settings name, or embedded ones."""

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
from adapters.embedded.processes import ChildProcess, ServerFailed, free_port, is_port_free, run_in_thread
from adapters.encryption.keys import create_master_key_file
from adapters.postgres.roles import ROLES, DatabaseRoles, Role, role_name
from adapters.promises.key_file import create_promise_key_file
from adapters.settings import Settings, variable_name
from adapters.system import utc_now
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

STOP_LIMIT = 3.0
_IDENTITY = frozenset(
    name
    for name in Settings.model_fields
    if name.startswith(("kafka_", "jwt_", "jwks_", "database_ssl", "promise_"))
    or name in {"data_key_file", "local_issuer_key_file"}
) | {"partner_claim", "publisher_id", "landing_cookie_secure"}
"""Settings that identify the service, and not how one of its processes works."""

_POLL_SECONDS = 0.1
_MEMORY_CHECK_SECONDS = 5.0
_CATCH_UP_SECONDS = 30.0
_CONSUMERS = frozenset({"projector", "catalogue", "commands"})


class EmbeddedServices:
    """`settings` name both servers. `environment` holds what child processes need besides this one's variables."""

    def __init__(
        self, folder: Path, given: Settings, *, ephemeral: bool, ports: Mapping[str, int] | None = None
    ) -> None:
        """`given` are the settings of the environment. `ports` are those of the last run, taken again where free."""
        self.logs = folder / "logs"
        last_ports = ports or {}
        self.ports: dict[str, int] = {}
        changes: dict[str, str] = {}
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        if given.database_url is None:
            self._postgres = EmbeddedPostgres(
                folder / "postgres",
                port=reusable_port(last_ports.get("postgres")),
                log=self.log("postgres"),
                ephemeral=ephemeral,
                database="checkout",
            )
            self.ports["postgres"] = self._postgres.port
            changes["database_url"] = self._database_url("operator")
            if given.database_sslmode is not None:
                changes["database_sslmode"] = "disable"  # there is no TLS on the loopback address
        if given.kafka_bootstrap_servers is None:
            self._broker = EmbeddedBroker(self.log("broker"), port=reusable_port(last_ports.get("broker")))
            self.ports["broker"] = self._broker.port
            changes |= {
                "kafka_bootstrap_servers": self._broker.bootstrap_servers,
                "kafka_delivery": "at_least_once",
                "kafka_replication_factor": "1",
                "kafka_fetch_max_wait_ms": "10",
                "kafka_idle_poll_ms": "250",
                # The first consumer of a group waits for half of this.
                "kafka_session_timeout_ms": "3000",
                # The broker starts empty: under a new id the publisher starts from the first event.
                "publisher_id": f"embedded-{uuid.uuid4().hex}",
            }
        if given.data_key_file is None:
            master_key = folder.absolute() / "data-key"
            create_master_key_file(master_key)
            changes["data_key_file"] = str(master_key)
        if given.promise_key_file is None:
            promise_keys = folder.absolute() / "promise-keys.json"
            create_promise_key_file(promise_keys, utc_now())
            changes["promise_key_file"] = str(promise_keys)
        if "landing_cookie_secure" not in given.model_fields_set:
            changes["landing_cookie_secure"] = "false"  # there is no TLS here
        self.settings = Settings.model_validate(given.model_dump(exclude_unset=True) | changes)
        self.environment = {variable_name(name): value for name, value in changes.items()}

    def environment_of(self, role: Role) -> dict[str, str]:
        """The variables of a child process that signs in to the embedded database by this role.

        The API also gets the operators' role, for their requests.
        """
        if self._postgres is None:
            return self.environment
        urls = {"database_url": self._database_url(role)}
        if role == "api":
            urls["operator_database_url"] = self._database_url("operator")
        return {**self.environment, **{variable_name(name): url for name, url in urls.items()}}

    def _database_url(self, role: Role) -> str:
        assert self._postgres is not None  # noqa: S101  (for the type checker)
        return self._postgres.url_of(self._postgres.database, role_name(role))

    def log(self, name: str) -> Path:
        """A new log file. The one of the last run is kept beside it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        return log

    async def start_database(self) -> None:
        """Starts an embedded PostgreSQL, and migrates."""
        # The migrator is slow to import: it loads while PostgreSQL makes its folder.
        loading = run_in_thread(lambda: import_module("adapters.postgres.migrator"))
        starting = [self._postgres.start()] if self._postgres is not None else []
        await asyncio.gather(loading, *starting)
        from adapters.postgres.connection_url import database_url
        from adapters.postgres.migrator import migrate

        if self._postgres is None:
            await migrate(database_url(self.settings))
        else:
            # Only migrations use the superuser. A server on the loopback address needs no passwords.
            await migrate(self._postgres.url, DatabaseRoles(passwords=dict.fromkeys(ROLES)))

    async def start_broker(self) -> None:
        """Starts an embedded broker, and makes the topics."""
        if self._broker is not None:
            await self._broker.start()
        from adapters.kafka.topics import ensure_topics

        await ensure_topics(self.settings)

    async def watch(self, workers: ChildProcess, report: Callable[[str], None]) -> None:
        """Restarts an embedded PostgreSQL that ends, and an embedded broker that needs too much memory.

        Raises ServerFailed when an embedded broker ends: its topics are lost, and only a new start publishes all
        events again.
        """
        check_memory_at = monotonic() + _MEMORY_CHECK_SECONDS
        limit = self.settings.embedded_broker_megabytes
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self._postgres is not None and not self._postgres.running:
                report("PostgreSQL has ended and is started again")
                await self._postgres.start()
            if self._broker is None:
                continue
            if not self._broker.running:
                raise ServerFailed("the embedded broker has ended, and what it held is gone: start again")
            if monotonic() > check_memory_at:
                check_memory_at = monotonic() + _MEMORY_CHECK_SECONDS
                if self._broker.memory_bytes() > limit * 1024 * 1024:
                    with suppress(Unavailable):  # PostgreSQL is away: tried again later
                        await self._restart_broker(self._broker, workers)
                        report(
                            f"the embedded broker held more than {limit} MB and was started anew: its topics hold"
                            " only what is published from now on"
                        )

    async def _restart_broker(self, broker: EmbeddedBroker, workers: ChildProcess) -> None:
        """As if retention had removed all old messages. Stops the workers, which their supervisor starts again."""
        from adapters.container import open_operator_container

        async with open_operator_container(self.settings) as container:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CATCH_UP_SECONDS):
                    # Consumers should read all messages first. Nothing tells when they have.
                    while await _has_lag(container.service_status):  # noqa: ASYNC110
                        await asyncio.sleep(_POLL_SECONDS)
            await workers.stop(STOP_LIMIT)
            await container.publisher_checkpoints.begin_anew(self.settings.publisher_id)
            await broker.stop(STOP_LIMIT)
            await self.start_broker()

    async def stop(self) -> None:
        """Stops the embedded servers within 3 s."""
        servers = (self._postgres, self._broker)
        await asyncio.gather(*(server.stop(STOP_LIMIT) for server in servers if server is not None))

    @property
    def identity(self) -> Mapping[str, str]:
        """The variables by which another process finds these servers and makes tokens that the service accepts."""
        settings = self.settings
        named = {"database_url", "kafka_bootstrap_servers", *(settings.model_fields_set & _IDENTITY)}
        values = {variable_name(name): getattr(settings, name) for name in sorted(named)}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else _absolute(value)
            for name, value in values.items()
            if value is not None
        }


async def _has_lag(service_status: StatusService) -> bool:
    return any(lag.events and lag.worker in _CONSUMERS for lag in (await service_status.now()).lags)


def reusable_port(port: int | None) -> int:
    """The port if it is free, or else any free one."""
    return port if port and is_port_free(port) else free_port()


def _absolute(value: object) -> str:
    """Paths become absolute: other processes may work in another folder."""
    return str(value.absolute() if isinstance(value, Path) else value)
