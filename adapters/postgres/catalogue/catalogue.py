"""Catalogue facts in PostgreSQL: what was learned, and the newest of it for those who judge baskets."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.postgres.batcher import Batcher, PendingCall
from adapters.postgres.catalogue import statements as sql
from adapters.postgres.catalogue.cache import CatalogueCache
from adapters.postgres.catalogue.price_window import PriceWindow
from adapters.postgres.catalogue.query import CatalogueQuery, CatalogueRequest
from adapters.postgres.catalogue.writer import record_messages
from adapters.postgres.event_store.read import READER_SETTINGS
from adapters.postgres.notification_listener import NotificationListener
from adapters.postgres.pool import DatabasePool
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage
from domain.ports.catalogue import RecordingResult

CONCURRENT_QUERIES = 2
"""Queries that run at the same time, each for all who waited when it began."""

NAMES_PER_QUERY = 5_000
"""How many names one query takes before the other callers wait for the next."""

DECISION_TIME = timedelta(minutes=1)
"""Who asks for a moment may look a little later: deciding takes time, and attempts."""


class PostgresCatalogue:
    """CatalogueFacts. Answers from memory only between `start` and `close`; else each one is read."""

    def __init__(self, database: DatabasePool, cache_size: int) -> None:
        self._database = database
        self._readers = database.sibling("checkout catalogue reader", CONCURRENT_QUERIES + 1, READER_SETTINGS)
        self._cache = CatalogueCache(cache_size)
        self._reads: Batcher[CatalogueRequest, Catalogue] = Batcher(
            self._read, _take, timeout=database.timeout, lanes=CONCURRENT_QUERIES
        )
        # Of what is in memory only the changes are asked for: one lane, for all who ask, and none who waits for
        # what must be read.
        self._looks: Batcher[CatalogueRequest, Catalogue] = Batcher(
            self._read, _take, timeout=database.timeout
        )
        self._listener = NotificationListener(
            database,
            "checkout-catalogue-cache",
            sql.CHANNEL,
            self._cache.forget,
            on_connected=partial(self._cache.trust, True),
            on_lost=partial(self._cache.trust, False),
        )

    async def start(self) -> None:
        """Begins to follow the changes. PostgreSQL may be away: it is followed as soon as it is there."""
        self._listener.start()

    async def close(self) -> None:
        await self._listener.close()
        try:
            await self._looks.close()
            await self._reads.close()
        finally:
            await self._readers.close()

    @property
    def follows_changes(self) -> bool:
        """Whether answers come from memory at present: only while each change is heard of."""
        return self._cache.trusted

    async def __aenter__(self) -> PostgresCatalogue:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def learn(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        async with self._database.connection() as connection, connection.transaction():
            return await record_messages(connection, messages)

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
        window = PriceWindow.at(at, DECISION_TIME)
        remembered = {id: self._cache.offer(id, window) for id in offer_ids}
        known = {id: offer for id, offer in remembered.items() if offer is not None}
        if len(known) < len(remembered):
            batches = self._reads
        elif fresh or product_codes or partner is not None:
            batches = self._looks
        else:
            return Catalogue.from_entries(known, {}, ())
        return await batches.call(CatalogueRequest(offer_ids, product_codes, partner, window))

    async def _read(self, asked: Sequence[CatalogueRequest], _: bool) -> Sequence[Catalogue]:
        """All callers share one answer: it may hold more than one of them asked for."""
        question = CatalogueQuery.of(asked, self._cache)
        async with self._readers.connection() as connection:
            row = await connection.fetchrow(sql.CATALOGUE, *question.parameters)
        assert row is not None  # noqa: S101  (the statement has one row)
        return [question.answered(row, self._cache)] * len(asked)


def _take(
    waiting: deque[PendingCall[CatalogueRequest, Catalogue]],
) -> list[PendingCall[CatalogueRequest, Catalogue]]:
    calls = [waiting.popleft()]
    names = len(calls[0].request)
    while waiting and (names := names + len(waiting[0].request)) <= NAMES_PER_QUERY:
        calls.append(waiting.popleft())
    return calls
