"""Counts round trips to PostgreSQL: a relay that understands just enough of its protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

ENDS_A_TRIP = frozenset(b"SQ")
"""Sync and Query: after either a client waits until the server is ready again."""


@dataclass
class PostgresRelay:
    """`url` is the database's, by way of the relay; `trips` counts those of all its clients."""

    url: str
    trips: int = 0


@asynccontextmanager
async def counting_relay(database_url: str) -> AsyncIterator[PostgresRelay]:
    """A relay to the database for the block, on 127.0.0.1."""
    target = urlsplit(database_url)
    relay = PostgresRelay("")

    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(target.hostname, target.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_ask(relay, reader, to_server))
                group.create_task(_answer(from_server, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side has gone: so goes the other
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
    """What a client says: first messages that have no kind (encryption is asked for, then the session), then
    such with one."""
    kind = b""
    while True:
        head = await reader.readexactly(4 if not kind else 5)
        length = int.from_bytes(head[-4:])
        body = await reader.readexactly(length - 4)
        writer.write(head + body)
        if kind and head[0] in ENDS_A_TRIP:
            relay.trips += 1
        # The request for encryption is 8 bytes long, and the session's beginning comes after it.
        if not kind and length > 8:
            kind = b"any"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    raise asyncio.IncompleteReadError(b"", None)
