"""Stores of any size, in seconds: copies of a basket that the API made, put beside it by COPY."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.progress import track

from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from domain.basket.repository import claim_name
from domain.basket.view_fold import project
from domain.ports.read_models import BasketView

BATCH_EVENTS = 100_000
AGE = timedelta(days=60)
"""The first copy is so old, the last one is new: they lie in more than one partition."""

# The events of one basket.
EVENTS_OF = "SELECT version, type, data, metadata FROM events WHERE stream_id = $1 ORDER BY version"

# Opens the events to COPY, in this transaction: as append_events() does.
OPEN_EVENTS = "SELECT set_config('checkout.appending', pg_current_xact_id()::text, true)"

# The store goes on behind the copies.
MOVE_SEQUENCE = "SELECT setval('events_position_seq', max(position)) FROM events"

_EVENT_COLUMNS = ("position", "stream_id", "version", "type", "data", "metadata")


@dataclass(frozen=True, slots=True)
class BasketTemplate:
    """A stored basket. A copy has its own id and external id of the same length; all else is equal."""

    view: BasketView
    external_id: str
    events: Sequence[tuple[int, str, bytes, bytes]]

    def copy(self, id: str, number: int) -> BasketTemplate:
        external_id = f"{number:08d}-{len(self.events):04d}"
        changes = ((self.view.basket_id.encode(), id.encode()), (self.external_id.encode(), external_id.encode()))
        snapshot = _replaced(self.view.snapshot, changes)
        return BasketTemplate(
            replace(self.view, basket_id=id, external_id=external_id, snapshot=snapshot),
            external_id,
            [(version, type, _replaced(data, changes), metadata) for version, type, data, metadata in self.events],
        )


def _replaced(content: bytes, changes: Sequence[tuple[bytes, bytes]]) -> bytes:
    for old, new in changes:
        content = content.replace(old, new)
    return content


async def read_template(connection: asyncpg.Connection, basket_id: str) -> BasketTemplate:
    events = [tuple(row) for row in await connection.fetch(EVENTS_OF, basket_id)]
    view = project((version, data) for version, _, data, _ in events).view
    assert view is not None
    assert view.external_id is not None
    return BasketTemplate(view, view.external_id, events)


async def add_copies(database: DatabasePool, template: BasketTemplate, count: int, now: datetime) -> None:
    """Adds copies with their events, claims and views, from the oldest to the newest."""
    views = PostgresBasketViews(database)
    size = max(1, BATCH_EVENTS // len(template.events))
    async with database.connection() as connection:
        position = await connection.fetchval("SELECT coalesce(max(position), 0) FROM events")
        what = f"{count} baskets of {len(template.events)} events"
        for start in track(range(0, count, size), what, console=Console(stderr=True)):
            numbers = range(start, min(start + size, count))
            copies = [template.copy(_basket_id(number, count, now), number) for number in numbers]
            async with connection.transaction():
                await connection.execute(OPEN_EVENTS)
                await connection.copy_records_to_table(
                    "events", records=_rows(copies, itertools.count(position + 1)), columns=_EVENT_COLUMNS
                )
                await connection.copy_records_to_table("claims", records=[_claim(copy.view) for copy in copies])
            await views.advance([(0, copy.view) for copy in copies])
            position += len(copies) * len(template.events)
        await connection.execute(MOVE_SEQUENCE)


def _rows(copies: Sequence[BasketTemplate], positions: Iterator[int]) -> Iterator[tuple[object, ...]]:
    for copy in copies:
        for event in copy.events:
            yield (next(positions), copy.view.basket_id, *event)


def _claim(view: BasketView) -> tuple[str, str]:
    return claim_name(view.partner, view.external_id or ""), view.basket_id


def _basket_id(number: int, count: int, now: datetime) -> str:
    """An id of version 7, as a basket has it that was made at its time."""
    milliseconds = int((now - AGE * (1 - number / count)).timestamp() * 1000)
    return f"basket-{UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number)}"
