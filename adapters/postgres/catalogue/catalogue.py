"""The catalogue in PostgreSQL, as validation and commands read it and the catalogue worker writes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.postgres.batcher import Batcher, PendingCall
from adapters.postgres.catalogue import statements as sql
from adapters.postgres.catalogue.cache import CatalogueCache, PriceWindow
from adapters.postgres.catalogue.query import CatalogueQuery, CatalogueRequest
from adapters.postgres.catalogue.writer import record_messages
from adapters.postgres.event_store.read import READER_SETTINGS
from adapters.postgres.notification_listener import NotificationListener
from adapters.postgres.pool import DatabasePool
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage
from domain.ports.catalogue import RecordingResult

CONCURRENT_QUERIES = 2
"""Each query serves all callers that waited when it began."""

NAMES_PER_QUERY = 5_000
"""Callers beyond so many names wait for the next query."""

DECISION_TIME = timedelta(minutes=1)
"""A decision may take so long, with all its attempts."""


REMEMBERED_SECONDS = 1.0
"""Who does not ask for fresh facts may get availability and policies this old. Offers and prices are never so old:
notifications evict them."""


class PostgresCatalogue:
    """CatalogueFacts. It caches between `start` and `close` only."""

    def __init__(self, database: DatabasePool, cache_size: int, promised_for: timedelta = timedelta()) -> None:
        """`promised_for` is how long after a decision its prices must be known to hold."""
        self._database = database
        self._readers = database.sibling("checkout catalogue reader", CONCURRENT_QUERIES + 1, READER_SETTINGS)
        self._cache = CatalogueCache(cache_size)
        self._look_ahead = DECISION_TIME + promised_for
        self._reads: Batcher[CatalogueRequest, Catalogue] = Batcher(
            self._read, _take, timeout=database.timeout, concurrency=CONCURRENT_QUERIES
        )
        # Queries for cached entries only ask for changes, so they do not wait behind queries that read entries.
        self._change_reads: Batcher[CatalogueRequest, Catalogue] = Batcher(self._read, _take, timeout=database.timeout)
        self._listener = NotificationListener(
            database,
            "checkout-catalogue-cache",
            sql.CHANNEL,
            self._cache.evict,
            on_connected=partial(self._cache.trust, True),
            on_lost=partial(self._cache.trust, False),
        )

    async def start(self) -> None:
        """Starts to listen for changes. PostgreSQL may be unavailable: listening begins when it is back."""
        self._listener.start()

    async def close(self) -> None:
        await self._listener.close()
        try:
            await self._change_reads.close()
            await self._reads.close()
        finally:
            await self._readers.close()

    @property
    def follows_changes(self) -> bool:
        """Whether the cache is in use: only while notifications are heard."""
        return self._cache.trusted

    async def __aenter__(self) -> PostgresCatalogue:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        try:
            async with self._database.connection() as connection, connection.transaction():
                return await record_messages(connection, messages)
        finally:
            self._cache.outdate()

    async def count_recorded(self, fact_ids: Collection[str]) -> int:
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
        prices_for: str | None = None,
    ) -> Catalogue:
        window = PriceWindow.at(at, self._look_ahead, prices_for or partner)
        request = CatalogueRequest(offer_ids, product_codes, partner, window)
        if not fresh and partner is not None and self._cache.moved_within(REMEMBERED_SECONDS):
            remembered = CatalogueQuery.of([request], self._cache).from_memory()
            if remembered is not None:
                return remembered
        cached = self._cache.all_offers(offer_ids, window)
        if cached is None:
            batcher = self._reads
        elif fresh or product_codes or partner is not None:
            batcher = self._change_reads
        else:
            return Catalogue.from_entries(cached, {}, ())
        return await batcher.call(request)

    async def _read(self, requests: Sequence[CatalogueRequest], _: bool) -> Sequence[Catalogue]:
        """All callers share one catalogue, which may hold more than each of them asked for."""
        query = CatalogueQuery.of(requests, self._cache)
        async with self._readers.connection() as connection:
            row = await connection.fetchrow(sql.READ_CATALOGUE, *query.parameters)
        assert row is not None  # noqa: S101  (the statement has one row)
        return [query.answer(row, self._cache)] * len(requests)


def _take(
    waiting: deque[PendingCall[CatalogueRequest, Catalogue]],
) -> list[PendingCall[CatalogueRequest, Catalogue]]:
    calls = [waiting.popleft()]
    names = len(calls[0].request)
    while waiting and (names := names + len(waiting[0].request)) <= NAMES_PER_QUERY:
        calls.append(waiting.popleft())
    return calls
