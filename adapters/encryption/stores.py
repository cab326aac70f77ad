"""The ports through which the domain reads and writes baskets, with personal data sealed behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.encryption.decryption import decrypt_events, decrypt_snapshots, decrypt_streams
from adapters.encryption.personal_data import PersonalDataCipher
from domain.ports.event_store import (
    Append,
    AppendOutcome,
    EventFeed,
    EventStore,
    IdempotencyKey,
    RenderedResponse,
    StoredEvent,
    StoredResponse,
    StoredStream,
)
from domain.ports.read_models import BasketView, BasketViews

NO_EVENTS = b"[]"


class EncryptedEventStore:
    """EventStore: another one with personal data sealed."""

    def __init__(self, store: EventStore, privacy: PersonalDataCipher) -> None:
        self._store = store
        self._privacy = privacy

    async def append(self, append: Append) -> AppendOutcome:
        events = await self._privacy.encrypt_events(append.stream_id, append.events)
        return await self._store.append(append if events is append.events else replace(append, events=events))

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        stream = await self._store.read_stream(stream_id, after_version)
        if stream.events == NO_EVENTS and stream.snapshot is None:
            return stream
        return (await decrypt_streams(self._privacy, [stream_id], [stream]))[0]

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        return await decrypt_streams(self._privacy, stream_ids, await self._store.read_streams(stream_ids))

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        return await decrypt_events(self._privacy, await self._store.read_events(stream_id, after_version))

    async def find_claim(self, name: str) -> str | None:
        return await self._store.find_claim(name)

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        return await self._store.find_response(scope, key)

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        return await self._store.store_response(key, answer)


class DecryptedEventFeed:
    """EventFeed: another one with personal data open."""

    def __init__(self, feed: EventFeed, privacy: PersonalDataCipher) -> None:
        self._feed = feed
        self._privacy = privacy

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        return await decrypt_events(self._privacy, await self._feed.read(after_position, limit))

    async def wait(self, after_position: int, timeout: float) -> None:
        await self._feed.wait(after_position, timeout)

    async def last_position(self) -> int:
        return await self._feed.last_position()


class EncryptedBasketViews:
    """BasketViews: others with personal data sealed."""

    def __init__(self, views: BasketViews, privacy: PersonalDataCipher) -> None:
        self._views = views
        self._privacy = privacy

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return await self._views.versions(basket_ids)

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        return await decrypt_snapshots(self._privacy, await self._views.snapshots(basket_ids))

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        return await self._views.advance(await self._privacy.encrypt_views(views))

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._views.due(now, limit)
