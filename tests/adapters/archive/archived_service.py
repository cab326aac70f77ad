"""A service with baskets that are over and published, and an archive in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from adapters.container import Container
from adapters.kafka.publisher import retired_by
from adapters.wire.responses import render
from domain.operators.archive.archiver import PAGE_BASKETS, Archiver, ArchiveRound
from domain.ports.messaging import PublisherCheckpoint
from tests.adapters.postgres.erasure_setup import a_basket, project, service
from tests.builders import caller, cancel

# Everything that the store has about a basket's events.
ROWS = "SELECT * FROM events WHERE stream_id = $1 ORDER BY version"


@asynccontextmanager
async def archiving_service(url: str, folder: Path, **values: Any) -> AsyncIterator[Container]:
    """A service whose publisher keeps its checkpoint in PostgreSQL, and that archives at once."""
    files = folder / "archive"
    files.mkdir(exist_ok=True)
    given: dict[str, Any] = {"kafka_delivery": "at_least_once", "archive_folder": files, "archive_after": 0.0}
    async with service(url, folder, **{**given, **values}) as container:
        yield container


async def a_finished_basket(container: Container, partner: str = "acme", **values: Any) -> str:
    """A cancelled basket with seven events and personal data, and its view."""
    basket_id = await a_basket(container, partner, **values)
    await container.handlers.cancel(cancel(basket_id), caller(partner), render)
    await project(container, basket_id)
    return basket_id


async def publish_all(container: Container) -> None:
    """Everything up to now is published and retired. The last published event is not a finished basket's."""
    await a_basket(container, "globex")
    await checkpoint_at(container, await container.raw_event_feed.last_position())


async def checkpoint_at(container: Container, position: int) -> None:
    name = container.settings.publisher_id
    for each in (name, retired_by(name)):
        await container.publisher_checkpoints.put_back(each, PublisherCheckpoint(position))


def archiver(container: Container) -> Archiver:
    return container.archiver(timedelta(seconds=container.settings.archive_after or 0))


async def archive(container: Container, limit: int = PAGE_BASKETS) -> ArchiveRound:
    """One page, as the worker does it."""
    done, its_archiver = ArchiveRound(), archiver(container)
    await its_archiver.delete_leftovers()
    await its_archiver.next_page(done, None, limit, dry=False)
    return done


async def rows_of(connection: asyncpg.Connection, basket_id: str) -> Sequence[asyncpg.Record]:
    return await connection.fetch(ROWS, basket_id)


def files_in(container: Container) -> list[Path]:
    assert container.settings.archive_folder is not None
    return sorted(container.settings.archive_folder.iterdir())
