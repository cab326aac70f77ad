"""Apache Kafka by TLS: with certificates on both sides and with passwords, and what is said where one does not fit."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from adapters.kafka.clients import admin, connection, consumer, producer
from adapters.kafka.errors import close_client
from adapters.kafka.publisher_checkpoints import read_own_checkpoint
from adapters.kafka.startup import start_client
from adapters.kafka.topics import ensure_topics
from adapters.settings import InvalidSetting, Settings
from domain.shared.errors import BrokerRefused
from tests.basket_traffic import BasketTraffic, by_basket, streaming_settings, topic_content
from tests.servers.kafka import KafkaServer, apache_kafka_missing
from tests.servers.processes import Program
from tests.servers.tls import PASSWORD, TlsKafka, tls_kafka
from tests.servers.waiting import eventually
from tests.workers.worker_processes import event_store, projector_worker, publisher_worker, running_worker

EVENTS = "checkout.basket-events.v1"


@pytest.fixture(scope="module")
async def kafka_by_tls(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TlsKafka]:
    if missing := await apache_kafka_missing():
        pytest.skip(f"needs an Apache Kafka that the test may start; {missing}")
    async with tls_kafka(tmp_path_factory.mktemp("certificates")) as made:
        yield made


def by_certificate(kafka: TlsKafka, database_url: str | None = None, **values: Any) -> Settings:
    given: dict[str, Any] = {
        "kafka_security_protocol": "SSL",
        "kafka_ca_file": kafka.authority.file,
        "kafka_certificate_file": kafka.client.certificate,
        "kafka_key_file": kafka.client.key,
        "kafka_key_password": SecretStr("of the key"),
    }
    servers = values.pop("kafka_bootstrap_servers", kafka.by_certificate)
    return streaming_settings(servers, database_url, **{**given, **values})


def by_password(kafka: TlsKafka, database_url: str | None = None, **values: Any) -> Settings:
    given: dict[str, Any] = {
        "kafka_security_protocol": "SASL_SSL",
        "kafka_ca_file": kafka.authority.file,
        "kafka_sasl_username": "ann",
        "kafka_sasl_password": SecretStr(PASSWORD),
    }
    servers = values.pop("kafka_bootstrap_servers", kafka.by_password)
    return streaming_settings(servers, database_url, **{**given, **values})


WAYS = {"by_certificate": by_certificate, "by_password": by_password}


@pytest.mark.parametrize("way", WAYS)
async def test_baskets_are_published_and_projected_over_tls(
    kafka_by_tls: TlsKafka, database_url: str, way: str
) -> None:
    settings = WAYS[way](kafka_by_tls, database_url)
    await ensure_topics(settings)
    async with (
        event_store(database_url) as store,
        publisher_worker(settings) as publishing,
        projector_worker(settings, f"views-{uuid.uuid4().hex}") as projecting,
        running_worker(publishing),
        running_worker(projecting),
    ):
        partner = await BasketTraffic(store).knows_a_catalogue()
        await partner.fills_baskets(3)
        stored = await partner.stored()

        async def all_arrived() -> bool:
            return by_basket(await topic_content(settings, EVENTS, partner.basket_ids)) == stored

        await eventually(all_arrived, limit=60)

        async def all_projected() -> bool:
            views = projecting._projection._views
            return await views.versions(partner.basket_ids) == {id: len(events) for id, events in stored.items()}

        await eventually(all_projected, limit=60)


async def test_plain_passwords_are_allowed_within_tls(kafka_by_tls: TlsKafka) -> None:
    await starts(by_password(kafka_by_tls, kafka_sasl_mechanism="PLAIN"))


async def starts(settings: Settings) -> None:
    """Every kind of client is let in."""
    for client in (admin(settings), consumer(settings, group=None), producer(settings)):
        try:
            await start_client(client, settings, "a test", 30)
        finally:
            await give_up(client)


async def fails(settings: Settings) -> str:
    """What is said by a client of every kind that is not let in."""
    said = set()
    for client in (admin(settings), consumer(settings, group=None), producer(settings)):
        try:
            with pytest.raises(BrokerRefused) as refused:
                await start_client(client, settings, "a test", 30)
            said.add(str(refused.value))
        finally:
            await give_up(client)
    for command in (ensure_topics(settings), read_own_checkpoint(settings)):
        with pytest.raises(BrokerRefused) as refused:
            await command
        said.add(str(refused.value))
    assert len({words.partition("(")[0] for words in said}) == 1
    return said.pop()


async def give_up(client: AIOKafkaAdminClient | AIOKafkaConsumer | AIOKafkaProducer) -> None:
    await (client.close() if isinstance(client, AIOKafkaAdminClient) else close_client(client))


@pytest.mark.parametrize("way", WAYS)
async def test_a_broker_of_another_authority_is_not_trusted(kafka_by_tls: TlsKafka, way: str) -> None:
    settings = WAYS[way](kafka_by_tls, kafka_ca_file=kafka_by_tls.other_authority.file)
    assert "CHECKOUT_KAFKA_CA_FILE" in await fails(settings)


async def test_a_broker_is_not_trusted_by_the_systems_authorities_unless_they_issued_its_certificate(
    kafka_by_tls: TlsKafka,
) -> None:
    assert "CHECKOUT_KAFKA_CA_FILE" in await fails(by_certificate(kafka_by_tls, kafka_ca_file=None))


async def test_a_broker_of_another_name_is_not_trusted(kafka_by_tls: TlsKafka) -> None:
    elsewhere = kafka_by_tls.by_certificate.replace("127.0.0.1", "localhost")
    said = await fails(by_certificate(kafka_by_tls, kafka_bootstrap_servers=elsewhere))
    assert "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS" in said
    assert "not for this host" in said


async def test_a_missing_client_certificate_names_the_settings(
    kafka_by_tls: TlsKafka,
) -> None:
    settings = by_certificate(kafka_by_tls, kafka_certificate_file=None, kafka_key_file=None)
    assert "CHECKOUT_KAFKA_CERTIFICATE_FILE" in await fails(settings)


async def test_a_certificate_of_an_authority_that_the_broker_does_not_know_is_refused(
    kafka_by_tls: TlsKafka,
) -> None:
    mine = kafka_by_tls.other_authority.issue("checkout", file="unknown")
    settings = by_certificate(
        kafka_by_tls,
        kafka_certificate_file=mine.certificate,
        kafka_key_file=mine.key,
        kafka_key_password=None,
    )
    assert "CHECKOUT_KAFKA_CERTIFICATE_FILE" in await fails(settings)


@pytest.mark.parametrize("way", WAYS)
async def test_refused_plain_text_names_the_setting_that_turns_tls_on(kafka_by_tls: TlsKafka, way: str) -> None:
    settings = WAYS[way](kafka_by_tls, kafka_security_protocol="PLAINTEXT")
    said = await fails(settings)
    assert "CHECKOUT_KAFKA_SECURITY_PROTOCOL" in said
    assert "PLAINTEXT" in said


async def test_a_broker_without_tls_is_recognized(kafka: KafkaServer, kafka_by_tls: TlsKafka) -> None:
    said = await fails(by_certificate(kafka_by_tls, kafka_bootstrap_servers=kafka.bootstrap_servers))
    assert "CHECKOUT_KAFKA_SECURITY_PROTOCOL" in said


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_a_failed_sign_in_names_the_settings(kafka_by_tls: TlsKafka, mechanism: str) -> None:
    """The last one is a mechanism that the broker does not have."""
    settings = by_password(kafka_by_tls, kafka_sasl_mechanism=mechanism, kafka_sasl_password=SecretStr("another"))
    said = await fails(settings)
    assert "CHECKOUT_KAFKA_SASL_PASSWORD" in said
    assert "another" not in said


@pytest.mark.parametrize(
    ("values", "named_by"),
    [
        ({"kafka_ca_file": Path("/nowhere/ca.crt")}, "CHECKOUT_KAFKA_CA_FILE"),
        ({"kafka_ca_file": Path(__file__)}, "CHECKOUT_KAFKA_CA_FILE"),
        ({"kafka_certificate_file": Path("/nowhere/me.crt")}, "CHECKOUT_KAFKA_CERTIFICATE_FILE"),
        ({"kafka_certificate_file": None}, "CHECKOUT_KAFKA_CERTIFICATE_FILE"),
        ({"kafka_key_file": Path(__file__)}, "CHECKOUT_KAFKA_KEY_FILE"),
        ({"kafka_key_password": SecretStr("another")}, "CHECKOUT_KAFKA_KEY_PASSWORD"),
        ({"kafka_key_password": None}, "CHECKOUT_KAFKA_KEY_PASSWORD"),
        ({"kafka_security_protocol": "SASL_SSL"}, "CHECKOUT_KAFKA_SASL_USERNAME"),
    ],
)
async def test_an_unusable_setting_is_named_before_anything_connects(
    kafka_by_tls: TlsKafka, values: Mapping[str, Any], named_by: str
) -> None:
    with pytest.raises(InvalidSetting, match=named_by):
        connection(by_certificate(kafka_by_tls, **values))


async def test_a_command_that_cannot_connect_names_the_setting_and_shows_no_traceback(
    kafka_by_tls: TlsKafka, database_url: str
) -> None:
    settings = by_certificate(kafka_by_tls, kafka_ca_file=kafka_by_tls.other_authority.file)
    environment = {
        f"CHECKOUT_{name.upper()}": str(getattr(settings, name))
        for name in (
            *("kafka_bootstrap_servers", "kafka_security_protocol", "kafka_ca_file"),
            *("kafka_certificate_file", "kafka_key_file"),
        )
    }
    secrets = {"CHECKOUT_KAFKA_KEY_PASSWORD": "of the key", "CHECKOUT_DATABASE_URL": database_url}
    async with Program("-m", "cli", "migrate", environment={**environment, **secrets}) as program:
        assert await program.end(60) == 1
        said = await program.errors()
    assert "CHECKOUT_KAFKA_CA_FILE" in said
    assert "Traceback" not in said
