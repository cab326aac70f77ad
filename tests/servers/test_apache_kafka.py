"""Apache Kafka on the machine's Java keeps what it holds through stops and crashes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.adapters.embedded.messages import receive, send
from tests.conftest import OwnKafka
from tests.servers.kafka_jars import kafka_version
from tests.servers.processes import Program, has_ended

WHY_IT_DOES_NOT_START = """
import asyncio, sys
from pathlib import Path
from tests.servers.apache_kafka import ApacheKafka
from adapters.embedded.processes import EmbeddedServerUnavailable
try:
    asyncio.run(ApacheKafka(Path(sys.argv[1])).start())
except EmbeddedServerUnavailable as error:
    print(error, flush=True)
"""


async def test_acknowledged_messages_survive_a_stop_and_a_crash_on_the_same_port(
    own_kafka: OwnKafka,
) -> None:
    node = await own_kafka()
    servers = node.bootstrap_servers
    await send(servers, "letters", [b"a"])
    await node.stop()
    assert has_ended(node.pid)
    await node.start()
    await send(servers, "letters", [b"b"])
    await node.kill()
    assert has_ended(node.pid)
    await node.start()
    assert await receive(servers, "letters", 2) == [b"a", b"b"]
    assert node.bootstrap_servers == servers


async def test_it_has_transactions(own_kafka: OwnKafka) -> None:
    node = await own_kafka()
    await send(node.bootstrap_servers, "letters", [])
    producer = AIOKafkaProducer(bootstrap_servers=node.bootstrap_servers, transactional_id="the-test")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait("letters", b"never")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait("letters", b"committed")
    finally:
        await producer.stop()
    assert await receive(node.bootstrap_servers, "letters", 1) == [b"committed"]


def test_its_version_is_the_one_of_the_pom() -> None:
    assert kafka_version().startswith("4.")


async def test_a_machine_without_java_gets_an_explanation(tmp_path: Path) -> None:
    assert "Java" in await why_not(tmp_path, path=tmp_path, cache=tmp_path)


async def test_a_machine_without_maven_and_the_jars_gets_an_explanation(tmp_path: Path) -> None:
    java = shutil.which("java")
    if java is None:
        pytest.skip("needs Java, to come to the missing jars")
    (tmp_path / "java").symlink_to(java)
    assert "Maven" in await why_not(tmp_path, path=tmp_path, cache=tmp_path / "empty")


async def why_not(folder: Path, *, path: Path, cache: Path) -> str:
    environment = {"PATH": str(path), "CHECKOUT_CACHE_DIR": str(cache)}
    async with Program("-c", WHY_IT_DOES_NOT_START, folder / "kafka", environment=environment) as program:
        return await program.line()
