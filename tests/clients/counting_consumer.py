"""A member of a group that counts events in SQLite, each once: its effect and the basket's version are one transaction.

python counting_consumer.py DATABASE SECONDS_A_REQUEST
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Collection, Mapping

from checkout_client.kafka import EventReader, KafkaConnection, Request

TABLES = """
CREATE TABLE IF NOT EXISTS versions (basket TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, basket TEXT NOT NULL, first INTEGER, last INTEGER);
"""


class Counter:
    """A VersionStore, and a handler."""

    def __init__(self, path: str, seconds: float) -> None:
        self._database = sqlite3.connect(path, timeout=30)
        self._seconds = seconds

    async def get(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        marks = ",".join("?" * len(basket_ids))
        found = self._database.execute(
            f"SELECT basket, version FROM versions WHERE basket IN ({marks})",
            [*basket_ids],
        )
        return dict(found.fetchall())

    async def put(self, basket_id: str, version: int) -> None:
        """The handler wrote it."""

    async def handle(self, request: Request) -> None:
        await asyncio.sleep(self._seconds)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            if (await self.get([request.basket_id])).get(request.basket_id, 0) >= request.last_version:
                return
            effect = (request.basket_id, request.first_version, request.last_version)
            self._database.execute("INSERT INTO effects (basket, first, last) VALUES (?, ?, ?)", effect)
            version = (request.basket_id, request.last_version)
            self._database.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", version)


async def main(path: str, seconds: str) -> None:
    counter = Counter(path, float(seconds))
    connection = KafkaConnection.from_environment()
    async with EventReader(connection, group="counting", versions=counter, from_first=True) as reader:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reader.stop)
        print("joined", flush=True)  # noqa: T201 - the test waits for it
        await reader.run(counter.handle)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
