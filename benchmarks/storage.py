"""Measures the bytes that a checkout leaves: in PostgreSQL, in its write-ahead log, in Kafka and in the archive.

python -m benchmarks.storage [--baskets 1000]

A checkout is a basket of three lines with a person's details, which are encrypted: an initiate, five updates of one
action, a validation, and the report of the order that was placed. Each call has an Idempotency-Key. Its view moves after
each call, as with a projector that keeps up. PostgreSQL is embedded; Kafka is Apache Kafka on this machine's Java, with
one replica and without compression, as the publisher sends. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from adapters.auth.local_issuer import issue_token
from adapters.container import Container, open_partner_container
from adapters.encryption.envelope import may_hold_unsealed_data
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_messages import parse_order
from adapters.kafka.topics import BASKET_EVENTS, BASKETS, ORDERS, VALIDATION_RESULTS, ensure_topics
from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from api.partner.app import PartnerApi
from benchmarks.append_rate import fresh_database
from benchmarks.findings_cost import PARTNER, DirectCaller, facts
from benchmarks.performance.operations import LINES, add_body, change_body, initiate_body
from benchmarks.performance.servers import api_settings
from benchmarks.publisher_rate import catch_up
from cli.serve import partner_dependencies
from domain.operators.archive.archiver import Archiver, ArchiveRound
from domain.shared.values import MessageSource
from tests.contracts.catalogue import sourced
from tests.servers.apache_kafka import ApacheKafka

CALLERS = 16
UPDATES = 5
PUBLISHED = {"events": BASKET_EVENTS, "states": BASKETS, "verdicts": VALIDATION_RESULTS}

# What each table and its indexes take, partitions together.
SIZES = """
SELECT coalesce(parent.relname, class.relname)::text AS name, sum(pg_table_size(class.oid))::bigint AS table_bytes,
       sum(pg_indexes_size(class.oid))::bigint AS index_bytes
  FROM pg_class class LEFT JOIN pg_inherits ON inhrelid = class.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
 WHERE class.relkind = 'r'
   AND (parent.relname = 'events' OR class.relname IN ('basket_views', 'open_basket_uses', 'claims', 'answers',
                                                       'data_keys', 'basket_subjects', 'archived_baskets'))
 GROUP BY 1 ORDER BY 1
"""

# Autovacuum does this in time; here it makes room for the next versions of the views.
VACUUM = "VACUUM basket_views, open_basket_uses, claims"

# What was written to the write-ahead log since the server's first start.
WAL_BYTES = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"

Call = Callable[[], Awaitable[object]]
Sizes = Mapping[str, tuple[int, int]]
"""By table, its bytes and those of its indexes."""


class Checkouts:
    """Baskets, and the calls on them."""

    def __init__(self, container: Container, api: DirectCaller) -> None:
        self.ids: list[str] = []
        self._container = container
        self._api = api
        self._offsets = itertools.count()

    async def initiate(self) -> None:
        body = initiate_body(LINES)
        body["order"] |= {"customerDetails": _person(), "deliveryDetails": _person(), "customFields": {"shop": "web"}}
        answer = await self._call("POST", "/partner/checkout/initiate", body)
        self.ids.append(json.loads(answer)["id"])

    async def update(self, number: int, id: str) -> None:
        body = add_body() if number % 2 == 0 else change_body(await self._line(id), 3 + number)
        await self._call("PUT", "/partner/checkout/update", body, id)

    async def validate(self, id: str) -> None:
        await self._call("POST", f"/partner/checkout/validate/{id}")

    async def place_order(self, id: str) -> None:
        value = json.dumps({"orderId": str(uuid.uuid4()), "status": "placed"}).encode()
        message = Message(ORDERS, id.encode(), value, ())
        received = Received(message, MessageSource(ORDERS, 0, next(self._offsets)))
        await self._container.order_handler.settle(parse_order(message.key, value), received)

    async def _call(self, method: str, path: str, body: Any = None, id: str | None = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        return await self._api.call(method, path, b"", content, id, key=str(uuid.uuid4()))

    async def _line(self, id: str) -> str:
        order = json.loads(await self._api.call("GET", f"/partner/checkout/{id}", b""))["order"]
        return str(order["orderItems"][-1]["id"])


def _person() -> dict[str, str]:
    """Someone whose data compresses as little as that of many people."""
    names = ["".join(random.choices("abcdefghijklmnoprstuvwz", k=random.randint(4, 10))).title() for _ in range(5)]
    return {
        "firstName": names[0],
        "lastName": names[1],
        "email": f"{names[0]}.{names[1]}@{names[2]}.example".lower(),
        "phone": f"+44 {random.randrange(10**9, 10**10)}",
        "address1": f"{random.randrange(1, 300)} {names[3]} Street",
        "city": names[4],
        "postalCode": f"{random.choice('ABCDEFGH')}{random.randrange(10, 99)} {random.randrange(1, 9)}XY",
        "country": "GB",
    }


async def measure(baskets: int, folder: Path) -> dict[str, Any]:
    """Raises EmbeddedServerUnavailable without Java."""
    async with fresh_database(None) as url, ApacheKafka(folder / "kafka") as kafka:
        settings = _settings(url, kafka.bootstrap_servers, folder)
        await ensure_topics(settings)
        async with _checkouts(settings) as (container, checkouts), _connection(url) as connection:
            wal = await _run(container, checkouts, connection, baskets)
            sizes = await _sizes(connection)
            last = await container.event_feed.last_position()
            _tell("publishing")
            await catch_up(settings, last)
            _tell("archiving")
            archived = await _archive(container)
            rows = (await _sizes(connection))["archived_baskets"]
    return {
        "baskets": baskets,
        "events_per_basket": round(last / baskets, 2),
        "postgresql_bytes": _table_bytes(sizes, baskets, last) | {"archived_baskets": _each(rows, baskets)},
        "wal_bytes": wal,
        "kafka_bytes": {name: round(_log_bytes(kafka.folder, topic) / baskets) for name, topic in PUBLISHED.items()},
        "archive_bytes_per_event": round(archived.bytes / archived.events),
    }


def _settings(url: str, servers: str, folder: Path) -> Settings:
    archive = folder / "archive"
    archive.mkdir()
    changes = {"database_timeout": 60.0, "kafka_bootstrap_servers": servers, "kafka_replication_factor": 1}
    return api_settings(url, folder).model_copy(update={**changes, "archive_folder": archive})


@asynccontextmanager
async def _checkouts(settings: Settings) -> AsyncIterator[tuple[Container, Checkouts]]:
    async with open_partner_container(settings) as container:
        token = issue_token(settings, partner=PARTNER, scope="partner", ttl=timedelta(hours=2))
        await container.catalogue.record(sourced(facts(LINES, 0)))
        yield container, Checkouts(container, DirectCaller(PartnerApi(partner_dependencies(container)), token))


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _run(
    container: Container, checkouts: Checkouts, connection: asyncpg.Connection, baskets: int
) -> dict[str, int]:
    """Bytes of the write-ahead log: of each kind of call, and of a view's move after it."""
    spent: dict[str, list[float]] = {}

    def each(call: Callable[[str], Awaitable[object]]) -> list[Call]:
        return [partial(call, id) for id in checkouts.ids]

    async def step(name: str, calls: Sequence[Call]) -> None:
        _tell(name)
        before = await connection.fetchval(WAL_BYTES)
        await _all(calls)
        called = await connection.fetchval(WAL_BYTES)
        await _all(each(container.projection.refold))
        moved = await connection.fetchval(WAL_BYTES)
        spent.setdefault(name, []).append(float(called - before) / baskets)
        spent.setdefault("view", []).append(float(moved - called) / baskets)
        await connection.execute(VACUUM)

    await step("initiate", [checkouts.initiate] * baskets)
    for number in range(UPDATES):
        await step("update", each(partial(checkouts.update, number)))
    await step("validate", each(checkouts.validate))
    await step("order", each(checkouts.place_order))
    return {name: round(sum(bytes_of) / len(bytes_of)) for name, bytes_of in spent.items()}


async def _all(calls: Sequence[Call]) -> None:
    waiting = iter(calls)

    async def caller() -> None:
        for call in waiting:
            await call()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


async def _archive(container: Container) -> ArchiveRound:
    """Moves all baskets, as if Kafka had kept their states for long enough. The published one last stays."""

    async def far() -> int:
        return await container.event_feed.last_position()

    archiver = Archiver(
        container.archive_index,
        container.archive_files,
        far,
        far,
        may_hold_unsealed_data,
        utc_now,
        new_id,
        timedelta(0),
    )
    round, after = ArchiveRound(), None
    while (after := await archiver.next_page(round, after, 1_000, dry=False)) is not None:
        pass
    return round


async def _sizes(connection: asyncpg.Connection) -> Sizes:
    await connection.execute("VACUUM")
    return {row["name"]: (row["table_bytes"], row["index_bytes"]) for row in await connection.fetch(SIZES)}


def _table_bytes(sizes: Sizes, baskets: int, events: int) -> dict[str, dict[str, int]]:
    """Of an event, and of a basket in each other table. `answers` holds one row for each call."""
    others = {
        name: _each(bytes_of, baskets) for name, bytes_of in sizes.items() if name not in ("events", "archived_baskets")
    }
    return {"event": _each(sizes["events"], events), **others}


def _each(bytes_of: tuple[int, int], count: int) -> dict[str, int]:
    table, indexes = bytes_of
    return {"table": round(table / count), "indexes": round(indexes / count)}


def _log_bytes(kafka: Path, topic: str) -> int:
    """Of all partitions, with the marks of transactions."""
    return sum(file.stat().st_size for file in (kafka / "data").glob(f"{topic}-*/*.log"))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=1_000)
    given = parser.parse_args()
    configure_logging("WARNING")
    with tempfile.TemporaryDirectory(prefix="storage-benchmark-") as name:
        print(json.dumps(uvloop.run(measure(given.baskets, Path(name)))))


if __name__ == "__main__":
    main()
