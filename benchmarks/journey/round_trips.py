"""Counts round trips to PostgreSQL with a relay that understands just enough of its protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

ENDS_A_TRIP = frozenset(b"SQ")
"""Sync and Query: after each, a client waits until the server is ready."""


@dataclass
class PostgresRelay:
    """`url` leads to the database through the relay; `trips` counts those of all clients."""

    url: str
    trips: int = 0


@asynccontextmanager
async def counting_relay(database_url: str) -> AsyncIterator[PostgresRelay]:
    """A relay to the database, on 127.0.0.1."""
    target = urlsplit(database_url)
    relay = PostgresRelay("")

    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(target.hostname, target.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_ask(relay, reader, to_server))
                group.create_task(_answer(from_server, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side closed, so close the other
        finally:
            for side in (writer, to_server):
                side.close()

    server = await asyncio.start_server(relayed, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{target.username}@" if target.username else ""
    relay.url = target._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
    try:
        yield relay
    finally:
        server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)


async def _ask(relay: PostgresRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relays a client's messages. The first ones have no type: the request for encryption, then the session's start."""
    started = False
    while True:
        head = await reader.readexactly(5 if started else 4)
        length = int.from_bytes(head[-4:])
        body = await reader.readexactly(length - 4)
        writer.write(head + body)
        if started and head[0] in ENDS_A_TRIP:
            relay.trips += 1
        # The request for encryption is 8 bytes long; the session's start follows it.
        started = started or length > 8


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    raise asyncio.IncompleteReadError(b"", None)
