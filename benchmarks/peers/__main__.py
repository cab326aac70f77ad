"""Serves one peer: `python -m benchmarks.peers hello|floor|stock_library PORT DATABASE_URL TOKEN`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import uvloop
from starlette.types import ASGIApp

from adapters.http.server import serve
from adapters.logs import configure_logging
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from benchmarks.peers.floor import FloorApp
from benchmarks.peers.hello import hello_app
from benchmarks.peers.stock_library import stock_library_app


async def _serve(name: str, port: int, database_url: str, token: str) -> None:
    async def listen(app: ASGIApp) -> None:
        await serve(app, Settings(_env_file=None), port, finish_within=1)

    match name:
        case "hello":
            await listen(hello_app())
        case "stock_library":
            await listen(stock_library_app(database_url))
        case "floor":
            database = DatabasePool(database_url)
            async with PostgresEventStore(database, timeout=10, answers_kept=timedelta(days=1)) as store:
                await listen(FloorApp(store.append, token))
            await database.close()
        case _:
            raise SystemExit(f"there is no peer {name}")


if __name__ == "__main__":
    configure_logging("WARNING")
    _, peer, at_port, at_database, with_token = sys.argv
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(peer, int(at_port), at_database, with_token))
