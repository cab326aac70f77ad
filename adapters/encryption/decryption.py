"""Opens what was read: events, streams and snapshots, each in one look at the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.encryption.personal_data import PersonalDataCipher
from domain.basket.personal_fields import EVENT_TYPES_WITH_DETAILS, may_hold_personal_data
from domain.ports.event_store import StoredEvent, StoredStream


async def decrypt_events(privacy: PersonalDataCipher, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """The events with their personal data open; those without any are the same objects."""
    holding = [
        index
        for index, event in enumerate(events)
        if event.type in EVENT_TYPES_WITH_DETAILS and may_hold_personal_data(event.data)
    ]
    if not holding:
        return events
    opened = [*events]
    data = await privacy.opened([(events[index].stream_id, events[index].data) for index in holding])
    for index, document in zip(holding, data, strict=True):
        opened[index] = replace(events[index], data=document)
    return opened


async def decrypt_streams(
    privacy: PersonalDataCipher, stream_ids: Sequence[str], streams: Sequence[StoredStream]
) -> Sequence[StoredStream]:
    """The streams, each of the id in its place, with their personal data open."""
    holding = [
        (index, name, document)
        for index, stream in enumerate(streams)
        for name, document in (("snapshot", stream.snapshot), ("events", stream.events))
        if document is not None and may_hold_personal_data(document)
    ]
    if not holding:
        return streams
    opened = [*streams]
    data = await privacy.opened([(stream_ids[index], document) for index, _, document in holding])
    for (index, name, _), document in zip(holding, data, strict=True):
        stream = opened[index]
        opened[index] = (
            StoredStream(document, stream.events)
            if name == "snapshot"
            else StoredStream(stream.snapshot, document)
        )
    return opened


async def decrypt_snapshots(
    privacy: PersonalDataCipher, snapshots: Mapping[str, bytes]
) -> Mapping[str, bytes]:
    """Snapshots by their baskets' ids, with their personal data open."""
    holding = [(id, snapshot) for id, snapshot in snapshots.items() if may_hold_personal_data(snapshot)]
    if not holding:
        return snapshots
    opened = await privacy.opened(holding)
    return {**snapshots, **{id: snapshot for (id, _), snapshot in zip(holding, opened, strict=True)}}
