"""The event store, its feed and the basket views as the domain sees them: plain in front, encrypted behind."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from adapters.encryption.envelope import sealed_key_ids
from adapters.encryption.personal_data import PersonalDataCipher
from domain.basket.personal_fields import EVENT_TYPES_WITH_DETAILS, may_hold_personal_data, parse_document
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
from domain.shared.values import BASKET_ID_PATTERN

NO_EVENTS = b"[]"

_BASKET_ID = re.compile(BASKET_ID_PATTERN)


class EncryptedEventStore:
    """An EventStore in front of another one."""

    def __init__(self, store: EventStore, cipher: PersonalDataCipher) -> None:
        self._store = store
        self._cipher = cipher

    async def append(self, append: Append) -> AppendOutcome:
        events = await self._cipher.encrypt_events(append.stream_id, append.events)
        return await self._store.append(append if events is append.events else replace(append, events=events))

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        stream = await self._store.read_stream(stream_id, after_version)
        if stream.events == NO_EVENTS and stream.snapshot is None:
            return stream
        return (await decrypt_streams(self._cipher, [stream_id], [stream]))[0]

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        return await decrypt_streams(self._cipher, stream_ids, await self._store.read_streams(stream_ids))

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        return await decrypt_events(self._cipher, await self._store.read_events(stream_id, after_version))

    async def find_claim(self, name: str) -> str | None:
        return await self._store.find_claim(name)

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        return await self._store.find_response(scope, key)

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        return await self._store.store_response(key, answer)


class DecryptedEventFeed:
    """An EventFeed in front of another one."""

    def __init__(self, feed: EventFeed, cipher: PersonalDataCipher) -> None:
        self._feed = feed
        self._cipher = cipher

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        return await decrypt_events(self._cipher, await self._feed.read(after_position, limit))

    async def wait(self, after_position: int, timeout: float) -> None:
        await self._feed.wait(after_position, timeout)

    async def last_position(self) -> int:
        return await self._feed.last_position()


class EncryptedBasketViews:
    """BasketViews in front of others."""

    def __init__(self, views: BasketViews, cipher: PersonalDataCipher) -> None:
        self._views = views
        self._cipher = cipher

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return await self._views.versions(basket_ids)

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        snapshots = await self._views.snapshots(basket_ids)
        held = {id: (id, document) for id, document in snapshots.items() if may_hold_personal_data(document)}
        return {**snapshots, **await self._cipher.decrypt(held)} if held else snapshots

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        return await self._views.advance(await self._cipher.encrypt_views(views))

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._views.due(now, limit)


async def decrypt_events(cipher: PersonalDataCipher, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """The events decrypted. Those without personal data are the same objects."""
    held = {
        index: (event.stream_id, event.data)
        for index, event in enumerate(events)
        # Other types are skipped unread: a verdict is large, and this runs for every event that is read.
        if event.type in EVENT_TYPES_WITH_DETAILS and may_hold_personal_data(event.data)
    }
    if not held:
        return events
    decrypted = [*events]
    for index, document in (await cipher.decrypt(held)).items():
        decrypted[index] = replace(events[index], data=document)
    return decrypted


async def decrypt_streams(
    cipher: PersonalDataCipher, stream_ids: Sequence[str], streams: Sequence[StoredStream]
) -> Sequence[StoredStream]:
    """The streams decrypted; `stream_ids` names each of them."""
    held = {
        (index, field): (stream_ids[index], document)
        for index, stream in enumerate(streams)
        for field, document in (("snapshot", stream.snapshot), ("events", stream.events))
        if document is not None and may_hold_personal_data(document)
    }
    if not held:
        return streams
    decrypted = await cipher.decrypt(held)
    return [
        StoredStream(
            decrypted.get((index, "snapshot"), stream.snapshot),
            decrypted.get((index, "events"), stream.events),
        )
        for index, stream in enumerate(streams)
    ]


async def decrypt_published(cipher: PersonalDataCipher, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
    """The values of Kafka messages decrypted. One that is not encrypted, or names no basket, stays as it is. Raises
    StoreUnavailable."""
    encrypted = {
        index: (basket_id, value)
        for index, value in enumerate(values)
        if value is not None
        and sealed_key_ids(value)
        and isinstance(document := parse_document(value), dict)
        # Anybody can write to a topic. Only our basket ids have keys, and PostgreSQL rejects some other texts.
        and isinstance(basket_id := document.get("basketId"), str)
        and _BASKET_ID.fullmatch(basket_id)
    }
    if not encrypted:
        return values
    decrypted = await cipher.decrypt(encrypted)
    return [decrypted.get(index, value) for index, value in enumerate(values)]
