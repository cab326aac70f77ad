"""Containers, where a Docker engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.1.1"


@cache
def engine_answers() -> bool:
    """Whether a Docker engine takes orders from here."""
    import docker

    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001  whatever is wrong with it, it is no engine to use
        return False


@asynccontextmanager
async def postgres_container(image: str = POSTGRES_IMAGE) -> AsyncIterator[str]:
    """A PostgreSQL in a container, by the URL for its superuser."""

    def make() -> Any:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(image)
        container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust").with_exposed_ports(5432)
        return container.with_command("postgres -c fsync=off -c full_page_writes=off -c max_connections=200")

    async with _running(make) as container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
        yield f"postgresql://postgres@{host}:{port}/postgres"


@asynccontextmanager
async def kafka_container(port: int) -> AsyncIterator[str]:
    """An Apache Kafka node in a container, by its bootstrap servers. Clients are told to come to `port`, which
    must be known before it starts."""

    def make() -> Any:
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.docker_client import DockerClient

        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
        for name, value in {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{DockerClient().host()}:{port}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }.items():
            container.with_env(name, value)
        return container

    async with _running(make) as container:
        yield f"{container.get_container_host_ip()}:{port}"


@asynccontextmanager
async def _running(make: Callable[[], Any]) -> AsyncIterator[Any]:
    # The library blocks, above all while an image is fetched.
    container = await asyncio.to_thread(make)
    await asyncio.to_thread(container.start)
    try:
        yield container
    finally:
        await asyncio.to_thread(container.stop)
