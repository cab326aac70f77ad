"""Assembles the full verdict document of a basket-validated event.

The event itself is small: it names the version that was validated, and the stream contains that basket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from domain.ports.event_store import EventStore, StoredEvent
from domain.validation.stream_fold import BASKET_VALIDATED, PublishedDocument, StreamFold, UnfoldableBasket


class VerdictAssembler:
    """Assembles single verdicts. Caches nothing: personal data of a basket may be erased at any time."""

    def __init__(self, store: EventStore, concurrency: int = 8) -> None:
        """Reads `concurrency` streams at a time."""
        self._store = store
        self._semaphore = asyncio.Semaphore(concurrency)

    async def of(self, events: Sequence[StoredEvent]) -> dict[int, PublishedDocument]:
        """For each basket-validated event, by its position: the verdict's JSON, or why there is none. Raises
        StoreUnavailable."""
        wanted: dict[str, dict[int, int]] = {}
        for event in events:
            if event.type == BASKET_VALIDATED:
                wanted.setdefault(event.stream_id, {})[event.version] = event.position
        found = await asyncio.gather(*map(self._of_stream, wanted, wanted.values()))
        return {position: document for of_stream in found for position, document in of_stream.items()}

    async def _of_stream(self, stream_id: str, wanted: Mapping[int, int]) -> dict[int, PublishedDocument]:
        """`wanted` tells the position of each version."""
        async with self._semaphore:
            stored = await self._store.read_events(stream_id)
        last = max(wanted)
        found = StreamFold(stream_id).advance([event for event in stored if event.version <= last], verdicts=True)
        missing = UnfoldableBasket(f"{stream_id} has no such verdict")
        return {position: found.get(version, missing) for version, position in wanted.items()}
