"""One running service for the black-box tests, on real servers, with the sample's catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.kafka import KafkaServer
from tests.servers.postgres import Databases
from tests.service.checkout_process import CheckoutService, running_service

SAMPLE = Path(__file__).parents[2] / "cli" / "demo" / "sample"


@pytest.fixture(scope="module")
async def service(
    databases: Databases, module_kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CheckoutService]:
    """`checkout up` on the real PostgreSQL and a Kafka of its own, with the sample loaded."""
    url = await databases.fresh()
    async with running_service(
        tmp_path_factory.mktemp("service"),
        "--ephemeral",
        CHECKOUT_DATABASE_URL=url,
        CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=module_kafka.bootstrap_servers,
        CHECKOUT_KAFKA_DELIVERY="exactly_once" if module_kafka.transactions else "at_least_once",
        CHECKOUT_EXPIRY_INTERVAL="0.2",
    ) as running:
        await running.command("catalogue", "load", str(SAMPLE / "catalogue.jsonl"), "--wait")
        yield running
    await databases.drop(url)
