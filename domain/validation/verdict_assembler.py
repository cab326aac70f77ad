"""Assembles the full verdict document of a basket-validated event.

The event itself is small: it names the version that was validated, and the stream contains that basket."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from cachetools import LRUCache
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.commands import Validated
from domain.basket.events import BasketPersonalDataForgotten, BasketValidated
from domain.basket.serialization import serialize_verdict
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.eventsourcing import fold
from domain.shared.findings import Verdict

BASKET_VALIDATED: str = BasketValidated.TOPIC


class VerdictUnavailable(Exception):
    """A verdict cannot be assembled, because its basket's stored events cannot be folded."""


class VerdictAssembler:
    """Assembles verdicts from stored events only, so that every run gives the same bytes."""

    def __init__(self, store: EventStore, cache_size: int = 1_000, concurrency: int = 8) -> None:
        """Caches `cache_size` baskets as of their last verdict, and reads `concurrency` streams at a time."""
        self._store = store
        self._semaphore = asyncio.Semaphore(concurrency)
        self._cache: LRUCache[str, Basket] = LRUCache(cache_size)

    async def of(self, events: Sequence[StoredEvent]) -> dict[int, bytes | VerdictUnavailable]:
        """For each basket-validated event, by its position: the verdict's JSON, or why there is none. Raises
        StoreUnavailable."""
        wanted: dict[str, dict[int, int]] = {}
        for event in events:
            if event.type == BASKET_VALIDATED:
                wanted.setdefault(event.stream_id, {})[event.version] = event.position
        streams = [self._of_stream(stream_id, versions) for stream_id, versions in wanted.items()]
        return {
            position: found[version]
            for versions, found in zip(wanted.values(), await asyncio.gather(*streams), strict=True)
            for version, position in versions.items()
        }

    async def _of_stream(self, stream_id: str, versions: Collection[int]) -> dict[int, bytes | VerdictUnavailable]:
        known = self._cache.get(stream_id)
        if known is not None and known.version >= min(versions):
            known = None
        async with self._semaphore:
            stored = await self._store.read_events(stream_id, known.version if known else 0)
            if known is not None and any(event.type == BasketPersonalDataForgotten.TOPIC for event in stored):
                # The cached basket holds erased personal data, which earlier verdicts must not show either.
                known = None
                stored = await self._store.read_events(stream_id)
        basket = known.fork() if known else None
        found: dict[int, bytes | VerdictUnavailable] = {}
        last = max(versions)
        try:
            for event in decode_all(b"[" + b",".join(e.data for e in stored if e.version <= last) + b"]"):
                validated = basket.fork() if basket and event.originator_version in versions else None
                basket = fold(basket, [event])
                if validated and basket and isinstance(event, BasketValidated):
                    found[event.originator_version] = _assemble(validated, basket, event)
        except Exception as error:  # noqa: BLE001  (broken events may fail in any way)
            missing = VerdictUnavailable(f"{stream_id} cannot be folded: {type(error).__name__}: {error}")
            return {version: found.get(version, missing) for version in versions}
        if basket is not None:
            self._cache[stream_id] = basket
        return {
            version: found.get(version) or VerdictUnavailable(f"{stream_id} has no verdict at version {version}")
            for version in versions
        }


def _assemble(validated: Basket, basket: Basket, event: BasketValidated) -> bytes:
    # As in the response to the caller, the basket's status is that of the moment of validation.
    as_validated = validated.as_seen_at(event.timestamp)
    verdict = recorded_verdict(event)
    return to_json(serialize_verdict(Validated(as_validated, basket, verdict, event.promise, event.remedy)))


def recorded_verdict(event: BasketValidated) -> Verdict:
    return Verdict(
        blocked_products=event.blocked_products,
        validation_errors=event.validation_errors,
        evidence=event.evidence,
        passed=event.passed,
    )
