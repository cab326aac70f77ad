"""Offers in a process's memory, trusted only while PostgreSQL says what changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import asyncpg
import structlog
from cachetools import LRUCache

from adapters.postgres.catalogue_sql import CHANNEL, EVERYTHING
from adapters.postgres.catalogue_window import ALWAYS, NEVER, Window
from adapters.postgres.database import Database
from domain.catalogue.facts import Fact, OfferFact, PriceFact
from domain.errors import StoreUnavailable

OfferFacts = Sequence[OfferFact | PriceFact]

_NOTHING: tuple[OfferFacts, Window] = ((), NEVER)

log = structlog.get_logger("catalogue-cache")


class OfferCache:
    """The versions and prices of offers used lately; an offer that the catalogue does not know is kept as
    having none. Bounded by the number of offers."""

    def __init__(self, size: int) -> None:
        self._offers: LRUCache[str, tuple[OfferFacts, Window]] = LRUCache(size)
        self.generation = 0
        self.trusted = False

    def find(self, offer_id: str, window: Window = ALWAYS) -> OfferFacts | None:
        """The offer's facts, with the prices that somebody may look at in that time; None where they must
        be read."""
        facts, kept_for = self._offers.get(offer_id, _NOTHING) if self.trusted else _NOTHING
        return facts if kept_for.covers(window) else None

    def keep(
        self,
        offer_ids: Collection[str],
        facts: Iterable[Fact],
        read_at_generation: int,
        window: Window = ALWAYS,
    ) -> None:
        """Keeps what a read found of these offers for that time, unless something changed since the read
        began: what it saw may be older than the change, and nobody would say so again."""
        if not self.trusted or read_at_generation != self.generation:
            return
        found: dict[str, list[OfferFact | PriceFact]] = defaultdict(list)
        for fact in facts:
            match fact:
                case OfferFact(id=offer_id) | PriceFact(offer_id=offer_id):
                    found[offer_id].append(fact)
                case _:
                    pass
        for offer_id in offer_ids:
            self._offers[offer_id] = (tuple(found.get(offer_id, ())), window)

    def forget(self, touched: str) -> None:
        """Forgets what a notification names."""
        self.generation += 1
        if touched == EVERYTHING:
            self._offers.clear()
            return
        for offer_id in json.loads(touched):
            self._offers.pop(offer_id, None)

    def trust(self, trusted: bool) -> None:
        """Begins anew: changes may have gone unheard until now, or will from now on."""
        self.trusted = trusted
        self.forget(EVERYTHING)


class Invalidated(Protocol):
    def forget(self, touched: str) -> None: ...

    def trust(self, trusted: bool) -> None: ...


async def follow_changes(
    database: Database, cache: Invalidated, *, check_every: float = 1.0, longest_pause: float = 5.0
) -> None:
    """Listens until cancelled, and has the cache trusted only while it is certain that it hears.

    A connection can die without a word, so it is asked every `check_every` seconds.
    """
    pause = 0.1
    while True:
        try:
            connection = await database.connect("checkout-catalogue-cache")
        except StoreUnavailable:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest_pause)
            continue
        pause = 0.1
        try:
            await _hear(connection, cache, check_every)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("catalogue changes are not heard; nothing is served from memory", why=str(error))
        finally:
            cache.trust(False)
            connection.terminate()
        await asyncio.sleep(pause)


async def _hear(connection: asyncpg.Connection, cache: Invalidated, check_every: float) -> None:
    """Returns when the connection is gone; raises what the driver raises."""
    gone = asyncio.Event()

    def lost(_: object) -> None:
        cache.trust(False)
        gone.set()

    connection.add_termination_listener(lost)
    await connection.add_listener(CHANNEL, lambda _c, _p, _ch, touched: cache.forget(touched))
    cache.trust(True)
    while not gone.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone.wait(), check_every)
            return
        await connection.execute("SELECT 1", timeout=3 * check_every)
