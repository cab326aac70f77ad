"""The messages when real brokers refuse a Kafka client."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka import topics
from adapters.kafka.catalogue_publisher import publish_facts
from adapters.kafka.clients import admin
from adapters.kafka.command_stream import CommandStream
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.messages import Message
from adapters.kafka.producer import MessageTooLarge, send_all, send_standalone
from adapters.kafka.publisher import TransactionalPublisher
from adapters.kafka.startup import start_producer
from adapters.kafka.topics import ensure_topics
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused, BrokerUnavailable
from tests.basket_traffic import streaming_settings, topic_messages
from tests.builders import price
from tests.contracts.catalogue import unique
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.kafka import KafkaServer, apache_kafka_missing
from tests.servers.waiting import eventually
from tests.workers.running_worker import RecordedDeadLetters
from tests.workers.worker_processes import running_worker
from workers.catalogue import CatalogueWorker


@pytest.fixture
async def without_transactions(tmp_path: Path) -> AsyncIterator[Settings]:
    """The embedded broker, by settings that do not say that it has no transactions."""
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(broker.bootstrap_servers, kafka_partitions=1)
        await ensure_topics(settings)
        yield settings


async def test_a_publisher_that_needs_transactions_is_refused_by_a_broker_without_them(
    without_transactions: Settings,
) -> None:
    told = re.escape("this broker has no transactions") + ".*CHECKOUT_KAFKA_DELIVERY=at_least_once"
    with pytest.raises(BrokerRefused, match=told):
        async with TransactionalPublisher(without_transactions).session():
            raise AssertionError("it fell back in silence")
    with pytest.raises(BrokerRefused, match=told):
        async with CommandStream(without_transactions, unique("commands")).open():
            raise AssertionError("it fell back in silence")


async def test_a_producer_without_transactions_works_on_such_a_broker(without_transactions: Settings) -> None:
    published = await publish_facts(without_transactions, [(1, price())], stop=asyncio.Event())
    assert (published.count, published.why) == (1, None)
    await send_standalone(without_transactions, "test", [Message(topics.DEAD_LETTERS, b"key", b"value", ())])


async def test_an_unreachable_server_is_named_with_its_setting() -> None:
    told = "127.0.0.1:1, which CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names: .*[Cc]onnect"
    for_each = [
        ensure_topics(streaming_settings("127.0.0.1:1")),
        send_standalone(streaming_settings("127.0.0.1:1"), "test", []),
        publish_facts(streaming_settings("127.0.0.1:1"), [], stop=asyncio.Event()),
    ]
    for attempt in for_each:
        with pytest.raises(BrokerUnavailable, match=told):
            await attempt


async def test_a_server_with_another_security_protocol_is_reported_so(
    kafka: KafkaServer,
) -> None:
    refusals = {
        "SASL_PLAINTEXT": (BrokerRefused, "do not speak CHECKOUT_KAFKA_SECURITY_PROTOCOL"),
        "SSL": (BrokerRefused, "does not speak TLS there: CHECKOUT_KAFKA_SECURITY_PROTOCOL"),
    }
    for protocol, (kind, words) in refusals.items():
        settings = streaming_settings(
            kafka.bootstrap_servers,
            kafka_security_protocol=protocol,
            kafka_sasl_username="ada",
            kafka_sasl_password=SecretStr("secret"),
        )
        with pytest.raises(kind, match=words):
            await ensure_topics(settings)


async def test_a_server_without_tls_is_reported_so() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 another kind of server\r\n")
        await writer.drain()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerRefused, match="does not speak TLS there: CHECKOUT_KAFKA_SECURITY_PROTOCOL"):
            await ensure_topics(streaming_settings(f"127.0.0.1:{port}", kafka_security_protocol="SSL"))


GUARDED = """
listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  username="admin" password="secret" user_admin="secret" user_ada="right";
"""


@asynccontextmanager
async def guarded_kafka(folder: Path) -> AsyncIterator[Settings]:
    """A node that lets `admin` do everything, and `ada` in, and nothing else."""
    async with ApacheKafka(folder) as node:
        await node.stop()
        properties = folder / "server.properties"
        open_to_all = "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        properties.write_text(properties.read_text().replace(open_to_all, "") + GUARDED)
        await node.start()
        yield streaming_settings(
            node.bootstrap_servers,
            kafka_partitions=1,
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism="PLAIN",
            kafka_sasl_username="admin",
            kafka_sasl_password=SecretStr("secret"),
        )


async def test_a_worker_without_an_acl_reports_it_until_the_acl_is_added(
    tmp_path: Path,
) -> None:
    if missing := await apache_kafka_missing():
        pytest.skip(f"needs an Apache Kafka of its own; {missing}")

    async with guarded_kafka(tmp_path / "kafka") as settings:
        await ensure_topics(settings)
        refusals = {
            "wrong": "the broker does not let us sign in: CHECKOUT_KAFKA_SASL_USERNAME, CHECKOUT_KAFKA_SASL_PASSWORD",
            "right": "this user may not",
        }
        for password, words in refusals.items():
            change = {"kafka_sasl_username": "ada", "kafka_sasl_password": SecretStr(password)}
            as_ada = settings.model_copy(update=change)
            worker = CatalogueWorker(
                ConsumerGroup(as_ada, unique("group"), topics.PRICES),
                InMemoryCatalogue(),
                [RecordedDeadLetters()],
            )
            with capture_logs() as lines:
                async with running_worker(worker) as heartbeat:
                    told = await eventually(lambda heartbeat=heartbeat: heartbeat.last_error)  # type: ignore[misc]
                    report = await heartbeat.report()
            assert told.startswith("BrokerRefused: Kafka: ")
            assert words in told
            assert "unavailable" not in told
            assert (report.condition, report.last_error, heartbeat.is_ready) == ("failing", told, False)
            assert [line["log_level"] for line in lines if line.get("fault") == told][:1] == ["error"]
            with pytest.raises(BrokerRefused, match=r"may not|lacks an ACL|does not let us sign in"):
                await send_standalone(as_ada, "test", [Message(topics.PRICES, b"key", b"value", ())])


async def small_topic(settings: Settings) -> str:
    name = unique("small")
    client = admin(settings)
    await client.start()
    await client.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "10000"})])
    await client.close()
    return name


@pytest.mark.parametrize("size", [20_000, 17 * 1024 * 1024])
async def test_a_message_too_large_for_its_topic_is_named_with_the_setting(
    transactional_kafka: KafkaServer, size: int
) -> None:
    settings = streaming_settings(transactional_kafka.bootstrap_servers)
    topic = await small_topic(settings)
    small = [Message(topic, b"basket-small-%d" % number, b"x", ()) for number in range(3)]
    large = Message(topic, b"basket-large", b"x" * size, ())
    client = await start_producer(settings, "test", 30, transactional_id=unique("transaction"))
    try:
        await client.begin_transaction()
        with pytest.raises(MessageTooLarge) as refused:
            await with_timeout("test", 60, send_all(client, [*small, large]))
    finally:
        await close_client(client)

    assert str(refused.value) == (
        f"Kafka: the message about basket-large for {topic} is larger than the topic takes: {size + 12} bytes."
        " Set the topic's max.message.bytes to 16777216"
    )
    assert await topic_messages(settings, topic, lambda _: True) == []


async def test_a_process_without_codecs_names_the_missing_ones() -> None:
    """Of a process whose Python has no cramjam, as where only aiokafka itself was installed."""
    code = "import sys; sys.modules['cramjam'] = None; from cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        "work",
        "catalogue",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "CHECKOUT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
        },
    )
    said, _ = await asyncio.wait_for(process.communicate(), 90)
    assert "messages compressed by snappy, lz4, zstd cannot be read" in said.decode()
    assert "Traceback" not in said.decode()
    assert process.returncode == 1
