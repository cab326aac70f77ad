"""The events of the store and of the topic, read as an order service and an operator would."""

from __future__ import annotations

import json
from collections import defaultdict
from time import monotonic

import asyncpg
from aiokafka import AIOKafkaConsumer

BASKET_EVENTS = "checkout.basket-events.v1"

_ALL_EVENTS = "SELECT stream_id, version, data FROM events ORDER BY position"
"""Every stored event, in the global order."""

Events = dict[str, list[tuple[int, object]]]


async def stored_events(database_url: str) -> Events:
    """Version and document of each event, by basket, in the order of the store."""
    connection = await asyncpg.connect(database_url)
    try:
        found: Events = defaultdict(list)
        for row in await connection.fetch(_ALL_EVENTS):
            found[row["stream_id"]].append((row["version"], json.loads(row["data"])))
        return dict(found)
    finally:
        await connection.close()


async def published_events(bootstrap_servers: str, count: int, limit: float = 60.0) -> Events:
    """Version and document of each message, by basket, in the order of the topic. Reads until `count` messages arrived and
    a little longer, to find surplus ones. Raises AssertionError after `limit` seconds."""
    consumer = AIOKafkaConsumer(
        BASKET_EVENTS,
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    found: Events = defaultdict(list)
    seen, deadline = 0, monotonic() + limit
    try:
        quiet_since = None
        while quiet_since is None or monotonic() - quiet_since < 1.5:
            batches = await consumer.getmany(timeout_ms=200)
            for records in batches.values():
                for record in records:
                    headers = dict(record.headers)
                    assert record.key.decode() == headers["ce_subject"].decode()
                    found[record.key.decode()].append((int(headers["ce_sequence"]), json.loads(record.value)))
                    seen += 1
            if batches or seen < count:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = monotonic()
            assert monotonic() < deadline, f"{seen} of {count} messages came within {limit} s"
    finally:
        await consumer.stop()
    return dict(found)
