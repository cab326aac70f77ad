"""Fixtures that every test may ask for. `tests/parts` says where the servers come from, pytest's last lines
which they were."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.kafka.topics import ensure_topics
from adapters.postgres.roles import Role
from adapters.settings import Settings
from tests.basket_traffic import delivery, streaming_settings
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.kafka import (
    KafkaServer,
    apache_kafka_missing,
    running_kafka,
    start_own_kafka,
)
from tests.servers.postgres import Databases, postgres_folder, running_postgres

TEST_SERVERS = pytest.StashKey[list[str]]()

OwnPostgres = Callable[[], Awaitable[EmbeddedPostgres]]
OwnKafka = Callable[[], Awaitable[ApacheKafka]]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TEST_SERVERS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs tests for another tells it what they ran against."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["parts"] = session.config.stash[TEST_SERVERS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    known = node.config.stash[TEST_SERVERS]
    known += [part for part in getattr(node, "workeroutput", {}).get("parts", ()) if part not in known]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("parts that the tests ran against")
    for description in config.stash[TEST_SERVERS] or ["none was asked for"]:
        terminalreporter.write_line(description)


@pytest.fixture(autouse=True)
def logging_of_this_test() -> Iterator[None]:
    """Commands that run in the tests' process set its logs up, mostly to be quiet: the next test is to hear."""
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
    """The URL of a PostgreSQL server for one who may make databases and roles."""
    async with running_postgres() as part:
        pytestconfig.stash[TEST_SERVERS].append(part.description)
        yield part.url


@pytest.fixture(scope="session")
async def databases(postgres_server: str) -> AsyncIterator[Databases]:
    """Makes fresh databases, for tests that need more than one, or one for a whole module."""
    made = Databases(postgres_server)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def database_role() -> Role | None:
    """The role that `database_url` signs in by; None: the administrator. Folders of tests say theirs."""
    return None


@pytest.fixture
async def database_url(databases: Databases, database_role: Role | None) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped afterwards."""
    url = await databases.fresh(database_role)
    yield url
    await databases.drop(url)


@pytest.fixture
def administrator_url(databases: Databases, database_url: str) -> str:
    """The database of `database_url` for its administrator, past all roles."""
    return databases.signed_in(database_url, None)


@pytest.fixture(scope="session")
async def kafka(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KafkaServer]:
    """The Kafka that all tests share: its topics hold what earlier tests wrote."""
    async with running_kafka(tmp_path_factory.mktemp("kafka")) as part:
        pytestconfig.stash[TEST_SERVERS].append(part.description)
        yield part


@pytest.fixture
async def settings(kafka: KafkaServer, databases: Databases, database_url: str) -> Settings:
    """A database and a publisher id of its own on the Kafka that all tests share. Operators sign in as such."""
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
    """A Kafka of the module's own, empty at its start: 2 to 3 s the module."""
    async with start_own_kafka(tmp_path_factory.mktemp("kafka")) as part:
        yield part


@pytest.fixture
def transactional_kafka(kafka: KafkaServer) -> KafkaServer:
    """The shared Kafka, for tests that need transactions; they are skipped where it has none."""
    if not kafka.transactions:
        pytest.skip(f"needs Kafka transactions; this is {kafka.description}")
    return kafka


@pytest.fixture
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """Starts embedded PostgreSQL servers for tests that stop and kill them, on ports that stay theirs. They are
    empty; `adapters.postgres.migrator` fills them."""
    async with AsyncExitStack() as stack:

        async def start() -> EmbeddedPostgres:
            folder = stack.enter_context(postgres_folder())
            return await stack.enter_async_context(EmbeddedPostgres(folder, ephemeral=True))

        yield start


@pytest.fixture
async def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnKafka]:
    """Starts Apache Kafka nodes for tests that stop and kill them, on ports that stay theirs."""
    if missing := await apache_kafka_missing():
        pytest.skip(f"needs an Apache Kafka that the test may stop; {missing}")
    async with AsyncExitStack() as stack:

        async def start() -> ApacheKafka:
            return await stack.enter_async_context(ApacheKafka(tmp_path_factory.mktemp("own-kafka")))

        yield start
