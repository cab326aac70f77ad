"""Catalogue facts in PostgreSQL: what was learned, and the newest of it for those who judge baskets."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from adapters.postgres import catalogue_sql as sql
from adapters.postgres.batching import Batching, Call
from adapters.postgres.catalogue_asking import Asked, Question
from adapters.postgres.catalogue_cache import CatalogueCache, follow_changes
from adapters.postgres.catalogue_window import Window
from adapters.postgres.catalogue_writer import learn
from adapters.postgres.database import Database
from adapters.postgres.reading import READER_SETTINGS
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage
from domain.ports import Learned

LANES = 2
"""Queries that run at the same time, each for all who waited when it began."""

NAMES_A_QUERY = 5_000
"""How many names one query takes before the other callers wait for the next."""

LATER = timedelta(minutes=1)
"""Who asks for a moment may look a little later: deciding takes time, and attempts."""


class PostgresCatalogueFacts:
    """CatalogueFacts. Answers from memory only between `start` and `close`; else each one is read."""

    def __init__(self, database: Database, cache_size: int) -> None:
        self._database = database
        self._readers = database.sibling("checkout catalogue reader", LANES + 1, READER_SETTINGS)
        self._cache = CatalogueCache(cache_size)
        self._reads: Batching[Asked, Catalogue] = Batching(
            self._read, _take, timeout=database.timeout, lanes=LANES
        )
        # Of what is in memory only the changes are asked for: one lane, for all who ask, and none who waits for
        # what must be read.
        self._looks: Batching[Asked, Catalogue] = Batching(self._read, _take, timeout=database.timeout)
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to follow the changes. PostgreSQL may be away: it is followed as soon as it is there."""
        self._following = asyncio.create_task(
            follow_changes(self._database, self._cache), name="catalogue-changes"
        )

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
            self._following = None
        try:
            await self._looks.close()
            await self._reads.close()
        finally:
            await self._readers.close()

    @property
    def follows_changes(self) -> bool:
        """Whether answers come from memory at present: only while each change is heard of."""
        return self._cache.trusted

    async def __aenter__(self) -> PostgresCatalogueFacts:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def learn(self, messages: Sequence[CatalogueMessage]) -> Learned:
        async with self._database.connection() as connection, connection.transaction():
            return await learn(connection, messages)

    async def recorded(self, fact_ids: Collection[str]) -> int:
        """How many of these facts are recorded."""
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(sql.COUNT_FACTS, [*fact_ids])
            return count

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
    ) -> Catalogue:
        window = Window.at(at, LATER)
        remembered = {id: self._cache.offer(id, window) for id in offer_ids}
        known = {id: offer for id, offer in remembered.items() if offer is not None}
        if len(known) < len(remembered):
            batches = self._reads
        elif fresh or product_codes or partner is not None:
            batches = self._looks
        else:
            return Catalogue.of_known(known, {}, ())
        return await batches.call(Asked(offer_ids, product_codes, partner, window))

    async def _read(self, asked: Sequence[Asked], _: bool) -> Sequence[Catalogue]:
        """All callers share one answer: it may hold more than one of them asked for."""
        question = Question.of(asked, self._cache)
        async with self._readers.connection() as connection:
            row = await connection.fetchrow(sql.CATALOGUE, *question.parameters)
        assert row is not None  # noqa: S101  (the statement has one row)
        return [question.answered(row, self._cache)] * len(asked)


def _take(waiting: deque[Call[Asked, Catalogue]]) -> list[Call[Asked, Catalogue]]:
    calls = [waiting.popleft()]
    names = len(calls[0].request)
    while waiting and (names := names + len(waiting[0].request)) <= NAMES_A_QUERY:
        calls.append(waiting.popleft())
    return calls
