"""Opens what was read: events, streams and snapshots, each in one look at the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from adapters.privacy.documents import HOLDERS, details_of, may_hold_personal_data, parsed
from adapters.privacy.personal_data import Held, PersonalData
from domain.ports import StoredEvent, StoredStream


async def opened_events(privacy: PersonalData, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """The events with their personal data open; those without any are the same objects."""
    documents: dict[int, Any] = {
        index: parsed(event.data)
        for index, event in enumerate(events)
        if event.type in HOLDERS and may_hold_personal_data(event.data)
    }
    if not documents:
        return events
    await privacy.open(
        [
            Held(events[index].stream_id, events[index].version, details)
            for index, document in documents.items()
            if (details := details_of(document)) is not None
        ]
    )
    return [
        event if documents.get(index) is None else replace(event, data=to_json(documents[index]))
        for index, event in enumerate(events)
    ]


async def opened_streams(
    privacy: PersonalData, stream_ids: Sequence[str], streams: Sequence[StoredStream]
) -> Sequence[StoredStream]:
    """The streams, each of the id in its place, with their personal data open."""
    found: list[Held] = []
    documents: dict[int, tuple[Any, Any]] = {}
    for index, (stream_id, stream) in enumerate(zip(stream_ids, streams, strict=True)):
        snapshot = _of_interest(stream.snapshot)
        events = _of_interest(stream.events)
        if snapshot is None and events is None:
            continue
        documents[index] = (snapshot, events)
        found += [
            Held(stream_id, _version(document), details)
            for document in (snapshot, *(events if isinstance(events, list) else ()))
            if (details := details_of(document)) is not None
        ]
    if not found:
        return streams
    await privacy.open(found)
    return [
        stream if index not in documents else _rewritten(stream, *documents[index])
        for index, stream in enumerate(streams)
    ]


async def opened_snapshots(privacy: PersonalData, snapshots: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Snapshots by their baskets' ids, with their personal data open."""
    streams = await opened_streams(
        privacy, [*snapshots], [StoredStream(snapshot, b"[]") for snapshot in snapshots.values()]
    )
    return {basket_id: stream.snapshot or b"" for basket_id, stream in zip(snapshots, streams, strict=True)}


def _of_interest(document: bytes | None) -> Any:
    return parsed(document) if document is not None and may_hold_personal_data(document) else None


def _version(document: Any) -> int:
    version = document.get("version")
    return version if isinstance(version, int) else 0


def _rewritten(stream: StoredStream, snapshot: Any, events: Any) -> StoredStream:
    return StoredStream(
        stream.snapshot if snapshot is None else to_json(snapshot),
        stream.events if events is None else to_json(events),
    )
