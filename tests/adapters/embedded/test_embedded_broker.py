"""The embedded broker takes messages, forgets them at its stop, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.processes import ServerFailed
from tests.adapters.embedded.messages import receive, send
from tests.servers.processes import has_ended


async def topics(servers: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def test_the_broker_delivers_messages_and_stops_cleanly(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "log") as broker:
        await send(broker.bootstrap_servers, "letters", [b"a", b"b"])
        assert await receive(broker.bootstrap_servers, "letters", 2) == [b"a", b"b"]
        pid = broker.pid
    assert has_ended(pid)


async def test_a_stopped_broker_loses_its_messages(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "log") as broker:
        servers = broker.bootstrap_servers
        await send(servers, "letters", [b"a"])
        await broker.stop()
        await broker.start()
        assert broker.bootstrap_servers == servers
        assert "letters" not in await topics(servers)


async def test_another_server_on_its_port_is_not_mistaken_for_the_broker(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerFailed, match=f"port {port} .* in use"):
            await EmbeddedBroker(tmp_path / "log", port=port).start()
