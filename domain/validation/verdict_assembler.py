"""The whole verdict of a basket-validated event. The event itself is lean: it names the version that was
judged, and the stream says what the basket was at that version."""

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
from domain.validation.revalidate_as_of import recorded_verdict

BASKET_VALIDATED: str = BasketValidated.model_fields["type"].default
FORGOTTEN: str = BasketPersonalDataForgotten.model_fields["type"].default


class VerdictUnavailable(Exception):
    """A verdict cannot be put together again, for its basket's stored events cannot be folded."""


class VerdictAssembler:
    """Puts verdicts together from what is stored alone, so that doing it again gives the same bytes."""

    def __init__(self, store: EventStore, cache_size: int = 1_000, at_once: int = 8) -> None:
        """`cache_size` baskets are remembered as they were at their last verdict; `at_once` streams are
        read at a time."""
        self._store = store
        self._turns = asyncio.Semaphore(at_once)
        self._judged: LRUCache[str, Basket] = LRUCache(cache_size)

    async def of(self, events: Sequence[StoredEvent]) -> dict[int, bytes | VerdictUnavailable]:
        """The verdict's JSON, or why it is lost, by the position of each basket-validated event among
        `events`; raises StoreUnavailable."""
        wanted: dict[str, dict[int, int]] = {}
        for event in events:
            if event.type == BASKET_VALIDATED:
                wanted.setdefault(event.stream_id, {})[event.version] = event.position
        verdicts: dict[int, bytes | VerdictUnavailable] = {}
        for stream_id, found in zip(
            wanted,
            await asyncio.gather(*(self._of_stream(stream_id, wanted[stream_id]) for stream_id in wanted)),
            strict=True,
        ):
            for version, position in wanted[stream_id].items():
                verdicts[position] = found[version]
        return verdicts

    async def _of_stream(
        self, stream_id: str, versions: Collection[int]
    ) -> dict[int, bytes | VerdictUnavailable]:
        known = self._judged.get(stream_id)
        if known is not None and known.version >= min(versions):
            known = None
        async with self._turns:
            stored = await self._store.read_events(stream_id, known.version if known else 0)
            if known is not None and any(event.type == FORGOTTEN for event in stored):
                # What is remembered of the basket is to be forgotten, also in verdicts from before.
                known = None
                stored = await self._store.read_events(stream_id)
        basket = known.fork() if known else None
        found: dict[int, bytes | VerdictUnavailable] = {}
        last = max(versions)
        try:
            for event in decode_all(b"[" + b",".join(e.data for e in stored if e.version <= last) + b"]"):
                judged = basket.fork() if basket and event.originator_version in versions else None
                basket = fold(basket, [event])
                if judged and basket and isinstance(event, BasketValidated):
                    found[event.originator_version] = _whole(judged, basket, event)
        except Exception as error:  # noqa: BLE001  (events that fit no basket may fail in any way)
            lost = VerdictUnavailable(f"{stream_id} cannot be folded: {type(error).__name__}: {error}")
            return {version: found.get(version, lost) for version in versions}
        if basket is not None:
            self._judged[stream_id] = basket
        return {
            version: found.get(
                version, VerdictUnavailable(f"{stream_id} has no verdict at version {version}")
            )
            for version in versions
        }


def _whole(judged: Basket, basket: Basket, event: BasketValidated) -> bytes:
    # The caller was shown the basket's status as of the moment of judging: so is whoever reads this.
    return to_json(
        serialize_verdict(Validated(judged.as_seen_at(event.timestamp), basket, recorded_verdict(event)))
    )
