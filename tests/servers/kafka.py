"""Which Kafka the tests run against."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.processes import EmbeddedServerUnavailable, free_port
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.docker import KAFKA_IMAGE, engine_answers, kafka_container
from tests.servers.kafka_jars import kafka_jars_folder, kafka_version
from tests.servers.waiting import eventually


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A cluster; `transactions` says whether it has them, and why not stands in the description. `pid` is that of its
    process, where it is a child of this one."""

    bootstrap_servers: str
    transactions: bool
    kind: Literal["named", "container", "apache", "embedded"]
    description: str
    pid: int | None = None


@asynccontextmanager
async def running_kafka(folder: Path) -> AsyncIterator[KafkaServer]:
    """What `CHECKOUT_TEST_KAFKA_BOOTSTRAP_SERVERS` names; else what `own_kafka_part` gives."""
    if named := os.environ.get("CHECKOUT_TEST_KAFKA_BOOTSTRAP_SERVERS"):
        await _answering(named)
        transactions = await _has_transactions(named)
        words = "named by CHECKOUT_TEST_KAFKA_BOOTSTRAP_SERVERS, " + ("with" if transactions else "without")
        yield KafkaServer(named, transactions, "named", f"Kafka ({words} transactions)")
    else:
        async with start_own_kafka(folder) as part:
            yield part


@asynccontextmanager
async def start_own_kafka(folder: Path) -> AsyncIterator[KafkaServer]:
    """A cluster for the caller alone: in a container where an engine answers; else Apache Kafka on this
    machine's Java; else the embedded broker."""
    if engine_answers():
        async with kafka_container(free_port()) as servers:
            await _answering(servers)
            yield KafkaServer(servers, True, "container", f"Apache Kafka (in a container, {KAFKA_IMAGE})")
    elif (missing := await apache_kafka_missing()) is None:
        async with ApacheKafka(folder / "kafka") as node:
            words = f"Apache Kafka {kafka_version()} (on this machine's Java)"
            yield KafkaServer(node.bootstrap_servers, True, "apache", words, node.pid)
    else:
        async with EmbeddedBroker(folder / "broker.log") as broker:
            words = f"the embedded broker, without transactions (no Docker engine answers; {missing})"
            yield KafkaServer(broker.bootstrap_servers, False, "embedded", words, broker.pid)


async def apache_kafka_missing() -> str | None:
    """Why Apache Kafka cannot be run on this machine itself; None where it can."""
    if shutil.which("java") is None:
        return "there is no Java"
    try:
        await asyncio.to_thread(kafka_jars_folder)
    except EmbeddedServerUnavailable as error:
        return str(error)
    return None


async def _answering(servers: str) -> None:
    async def answer() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=3000)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError) as error:
            raise AssertionError(f"Kafka at {servers} does not answer: {error}") from error
        finally:
            await admin.close()

    await eventually(answer, limit=90, every=0.2)


async def _has_transactions(servers: str) -> bool:
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="checkout-test-probe")
    try:
        await asyncio.wait_for(producer.start(), timeout=15)
    except (KafkaError, TimeoutError):
        return False
    finally:
        await producer.stop()
    return True
