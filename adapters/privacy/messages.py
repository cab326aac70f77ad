"""Opens basket events that were published with their personal data sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from adapters.kafka.messages import Received
from adapters.privacy.documents import details_of, parsed
from adapters.privacy.envelopes import MARK
from adapters.privacy.personal_data import Held, PersonalData

_SEALED = b'"' + MARK.encode()


async def opened_messages(privacy: PersonalData, batch: Sequence[Received]) -> Sequence[Received]:
    """The messages as they would have come open; all that is not sealed is as it came. Raises StoreUnavailable."""
    documents: dict[int, Any] = {}
    found: list[Held] = []
    for index, received in enumerate(batch):
        value = received.message.value
        if value is None or _SEALED not in value:
            continue
        document = parsed(value)
        details = details_of(document)
        if details is not None:
            documents[index] = document
            found.append(Held(str(document.get("basketId")), _version(document), details))
    if not found:
        return batch
    await privacy.open(found)
    return [
        replace(received, message=replace(received.message, value=to_json(documents[index])))
        if index in documents
        else received
        for index, received in enumerate(batch)
    ]


def _version(document: Any) -> int:
    version = document.get("version")
    return version if isinstance(version, int) else 0
