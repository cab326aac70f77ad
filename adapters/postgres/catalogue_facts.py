"""Catalogue facts in PostgreSQL: what was learned, and the newest of it for those who judge baskets."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.postgres import catalogue_sql as sql
from adapters.postgres.batching import Batching, Call
from adapters.postgres.catalogue_cache import OfferCache, follow_changes
from adapters.postgres.catalogue_learning import learn, read_facts
from adapters.postgres.catalogue_window import Window, around
from adapters.postgres.database import Database
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact
from domain.catalogue.policies import policy_subject
from domain.ports import Learned, Source

LANES = 2
"""Queries that run at the same time, each for all who waited when it began."""

NAMES_A_QUERY = 5_000
"""How many names one query takes before the other callers wait for the next."""

LATER = timedelta(minutes=1)
"""Who asks for a moment may look a little later: deciding takes time, and attempts."""

KEPT_AHEAD = timedelta(minutes=10)
"""For how long prices are kept in memory; those that begin in that time are among them."""

_Asked = tuple[Collection[str], Collection[str], Collection[str], Window]
"""Offer ids, product codes, what policies are kept under, and when prices are looked at."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a query found. All its callers share it: it may hold more than one of them asked for."""

    facts: Sequence[Fact]
    catalogue: Catalogue


class PostgresCatalogueFacts:
    """CatalogueFacts. Answers from memory only between `start` and `close`; else each one is read."""

    def __init__(self, database: Database, cache_size: int) -> None:
        self._database = database
        self._cache = OfferCache(cache_size)
        self._reads: Batching[_Asked, _Known] = Batching(
            self._read, _take, timeout=database.timeout, lanes=LANES
        )
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
        await self._reads.close()

    @property
    def follows_changes(self) -> bool:
        """Whether answers come from memory at present: only while each change is heard of."""
        return self._cache.trusted

    async def __aenter__(self) -> PostgresCatalogueFacts:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def learn(self, facts: Sequence[tuple[Fact, Source]]) -> Learned:
        async with self._database.connection() as connection, connection.transaction():
            return await learn(connection, facts)

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
        if fresh or product_codes or partner is not None:
            policies = () if partner is None else (policy_subject(partner), policy_subject(None))
            return (await self._reads.call((offer_ids, product_codes, policies, window))).catalogue
        remembered = {offer_id: self._cache.find(offer_id, window) for offer_id in offer_ids}
        missing = [offer_id for offer_id, facts in remembered.items() if facts is None]
        generation = self._cache.generation
        ahead = Window.at(at, KEPT_AHEAD)
        read = (await self._reads.call((missing, (), (), ahead))).facts if missing else ()
        self._cache.keep(missing, read, generation, ahead)
        return Catalogue([*(fact for facts in remembered.values() for fact in facts or ()), *read])

    async def _read(self, asked: Sequence[_Asked], _: bool) -> Sequence[_Known]:
        *named, windows = zip(*asked, strict=True)
        # Of each kind of names those of all callers, each once.
        names = [[*{name for each in of_kind for name in each}] for of_kind in named]
        window = around(windows)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.CATALOGUE, *names, window.start, window.end)
        documents, position = row or (None, None)
        facts = read_facts([documents] if documents else [])
        return [_Known(facts, Catalogue(facts, position))] * len(asked)


def _take(waiting: deque[Call[_Asked, _Known]]) -> list[Call[_Asked, _Known]]:
    calls = [waiting.popleft()]
    names = _names(calls[0])
    while waiting and (names := names + _names(waiting[0])) <= NAMES_A_QUERY:
        calls.append(waiting.popleft())
    return calls


def _names(call: Call[_Asked, _Known]) -> int:
    *names, _ = call.request
    return sum(map(len, names))
