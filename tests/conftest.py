"""Fixtures for every test. `tests/servers` decides where servers come from; pytest's last lines list the ones used."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.kafka.topics import ensure_topics
from adapters.postgres.pool import DatabasePool
from adapters.postgres.roles import Role
from adapters.settings import Settings
from tests.basket_traffic import delivery, streaming_settings
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.kafka import KafkaServer, apache_kafka_missing, running_kafka, start_own_kafka
from tests.servers.postgres import Databases, postgres_folder, running_postgres

TEST_SERVERS = pytest.StashKey[list[str]]()

OwnPostgres = Callable[[], Awaitable[EmbeddedPostgres]]
OwnKafka = Callable[..., Awaitable[ApacheKafka]]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TEST_SERVERS] = []
    # A busy machine takes longer for an example than any deadline says.
    hypothesis_settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis_settings.load_profile("any-machine")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process of pytest-xdist reports the servers that its tests used."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["servers"] = session.config.stash[TEST_SERVERS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    known = node.config.stash[TEST_SERVERS]
    used = getattr(node, "workeroutput", {}).get("servers", ())
    known += [server for server in used if server not in known]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("servers that the tests ran against")
    for description in config.stash[TEST_SERVERS] or ["none was needed"]:
        terminalreporter.write_line(description)


@pytest.fixture(autouse=True)
def logging_of_this_test() -> Iterator[None]:
    """Undoes the logging configuration of commands that run in this process, so that the next test sees its logs."""
    levels = {name: logging.getLogger(name).level for name in (None, *logging.root.manager.loggerDict)}
    handlers = [*logging.root.handlers]
    configuration = structlog.get_config()
    yield
    structlog.configure(**configuration)
    logging.root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
async def postgres_server(pytestconfig: pytest.Config) -> AsyncIterator[str]:
    """The URL of a PostgreSQL server, for a user that may create databases and roles."""
    async with running_postgres() as server:
        pytestconfig.stash[TEST_SERVERS].append(server.description)
        yield server.url


@pytest.fixture(scope="session")
async def databases(postgres_server: str) -> AsyncIterator[Databases]:
    """Creates databases, for tests that need several, or one for a whole module."""
    databases = Databases(postgres_server)
    yield databases
    await databases.close()


@pytest.fixture(scope="session")
def database_role() -> Role | None:
    """The role with which `database_url` signs in; None is the administrator. Test folders override it."""
    return None


@pytest.fixture
async def database_url(databases: Databases, database_role: Role | None) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped afterwards."""
    url = await databases.fresh(database_role)
    yield url
    await databases.drop(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[DatabasePool]:
    """Our pool of connections to `database_url`."""
    pool = DatabasePool(database_url)
    yield pool
    await pool.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to `database_url`, without our code."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def administrator_url(databases: Databases, database_url: str) -> str:
    """`database_url` signed in as the administrator."""
    return databases.signed_in(database_url, None)


@pytest.fixture(scope="session")
async def kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaServer]:
    """The Kafka that all tests share; its topics hold messages of earlier tests."""
    async with running_kafka(tmp_path_factory.mktemp("kafka")) as server:
        pytestconfig.stash[TEST_SERVERS].append(server.description)
        yield server


@pytest.fixture
async def settings(kafka: KafkaServer, databases: Databases, database_url: str) -> Settings:
    """A database and publisher id of its own on the shared Kafka. Operators sign in with their role."""
    settings = streaming_settings(
        kafka.bootstrap_servers,
        database_url,
        kafka_delivery=delivery(kafka),
        operator_database_url=SecretStr(databases.signed_in(database_url, "operator")),
    )
    await ensure_topics(settings)
    return settings


@pytest.fixture(scope="module")
async def module_kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaServer]:
    """An empty Kafka of the module's own; it takes 2 to 3 s to start."""
    async with start_own_kafka(tmp_path_factory.mktemp("kafka")) as part:
        yield part


@pytest.fixture
def transactional_kafka(kafka: KafkaServer) -> KafkaServer:
    """The shared Kafka, for tests that need transactions; they are skipped if it has none."""
    if not kafka.transactions:
        pytest.skip(f"needs Kafka transactions; this is {kafka.description}")
    return kafka


@pytest.fixture
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """Starts empty embedded PostgreSQL servers for tests that stop and kill them. A restarted server keeps its port."""
    async with AsyncExitStack() as stack:

        async def start() -> EmbeddedPostgres:
            folder = stack.enter_context(postgres_folder())
            return await stack.enter_async_context(EmbeddedPostgres(folder, ephemeral=True))

        yield start


@pytest.fixture
async def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnKafka]:
    """Starts Apache Kafka nodes, with further properties, for tests that stop and kill them. A restarted node keeps its
    port."""
    if missing := await apache_kafka_missing():
        pytest.skip(f"needs an Apache Kafka that the test may stop; {missing}")
    async with AsyncExitStack() as stack:

        async def start(**properties: str) -> ApacheKafka:
            named = {name.replace("_", "."): value for name, value in properties.items()}
            return await stack.enter_async_context(ApacheKafka(tmp_path_factory.mktemp("own-kafka"), settings=named))

        yield start
