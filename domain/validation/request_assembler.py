"""Assembles what is published of a request: its events, whole verdicts, and the basket as of its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cachetools import LRUCache

from domain.basket.request_feed import StoredRequest
from domain.basket.weight import weigh
from domain.ports.event_store import EventStore, StoredEvent
from domain.validation.stream_fold import PublishedDocument, StreamFold

CACHE_LINES = 30_000


class Erasures(Protocol):
    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The version of each basket's last erasure. Baskets without one are left out. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class AssembledRequest:
    """A request, its verdicts by their versions, the basket as of its last event, and the event since which that
    basket is over, if it is."""

    request: StoredRequest
    verdicts: Mapping[int, PublishedDocument]
    state: PublishedDocument
    ended: StoredEvent | None


class RequestAssembler:
    """Folds each basket once, for verdicts and states. It reads a stream only where the basket is not in its cache: the
    requests bring the rest."""

    def __init__(
        self,
        store: EventStore,
        erasures: Erasures | None = None,
        *,
        cache_lines: int = CACHE_LINES,
        concurrency: int = 8,
    ) -> None:
        """Caches baskets that weigh up to `cache_lines` lines in total (`weight.py`), and reads `concurrency` streams at
        a time.

        `erasures` is needed where the store decrypts: a cached basket must not outlive its personal data.
        """
        self._store = store
        self._erasures = erasures
        self._semaphore = asyncio.Semaphore(concurrency)
        self._cache: LRUCache[str, StreamFold] = LRUCache(cache_lines, getsizeof=_weight)

    async def assemble(self, requests: Sequence[StoredRequest]) -> AsyncIterator[AssembledRequest]:
        """The requests of a part of the feed, in its order, one at a time: a verdict and a state may have many
        megabytes. Raises StoreUnavailable."""
        firsts: dict[str, int] = {}
        for request in requests:
            firsts.setdefault(request.last.stream_id, request.events[0].version)
        folds = await self._take(firsts)
        for request in requests:
            yield _advance(folds[request.last.stream_id], request)
        for stream_id, folded in folds.items():
            self._keep(stream_id, folded)

    async def _take(self, firsts: Mapping[str, int]) -> dict[str, StreamFold]:
        """The baskets before these versions. They leave the cache: an interrupted fold is of no use to the next."""
        folds = {id: known for id in firsts if (known := self._cache.pop(id, None)) is not None}
        erased_at = await self._erasures_of(folds)
        for id, first in firsts.items():
            known = folds.get(id)
            if first == 1:
                folds[id] = StreamFold(id)
            elif known is not None and (known.version != first - 1 or erased_at.get(id, 0) > known.version):
                del folds[id]
        missing = {id: first for id, first in firsts.items() if id not in folds}
        loaded = await asyncio.gather(*map(self._load, missing, missing.values()))
        return folds | dict(zip(missing, loaded, strict=True))

    async def _erasures_of(self, folds: Mapping[str, StreamFold]) -> Mapping[str, int]:
        """The version of each basket's last erasure, for those that hold personal data."""
        if self._erasures is None:
            return {}
        holding = [id for id, folded in folds.items() if folded.basket and folded.basket.details.hold_personal_data]
        return await self._erasures.forgotten(holding) if holding else {}

    async def _load(self, stream_id: str, before: int) -> StreamFold:
        """The basket before a version."""
        async with self._semaphore:
            stored = await self._store.read_events(stream_id)
        folded = StreamFold(stream_id)
        folded.advance([event for event in stored if event.version < before])
        return folded

    def _keep(self, stream_id: str, folded: StreamFold) -> None:
        # It is weighed once, by the cache, which refuses what is larger than itself.
        with contextlib.suppress(ValueError):
            self._cache[stream_id] = folded


def _advance(folded: StreamFold, request: StoredRequest) -> AssembledRequest:
    verdicts = folded.advance(request.events, verdicts=True)
    return AssembledRequest(request, verdicts, folded.state(), folded.ended)


def _weight(folded: StreamFold) -> int:
    return 1 if folded.basket is None else weigh(folded.basket)
