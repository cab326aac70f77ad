"""Opens basket events that were published with their personal data sealed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.kafka.messages import Received
from adapters.privacy.documents import parsed
from adapters.privacy.envelopes import sealed_in
from adapters.privacy.personal_data import PersonalData
from domain.values import BASKET_ID_PATTERN

_BASKET_ID = re.compile(BASKET_ID_PATTERN)


async def opened_messages(privacy: PersonalData, batch: Sequence[Received]) -> Sequence[Received]:
    """The messages as they would have come open; all that is not sealed, or names no basket, is as it came. Raises
    StoreUnavailable."""
    sealed = [
        (index, basket_id, received.message.value)
        for index, received in enumerate(batch)
        if received.message.value is not None
        and sealed_in(received.message.value)
        and isinstance(document := parsed(received.message.value), dict)
        # Anybody may have written it. What is no basket's id has no data of ours, and PostgreSQL may not take it.
        and isinstance(basket_id := document.get("basketId"), str)
        and _BASKET_ID.fullmatch(basket_id)
    ]
    if not sealed:
        return batch
    opened = [*batch]
    values = await privacy.opened([(basket_id, value) for _, basket_id, value in sealed])
    for (index, _, _), value in zip(sealed, values, strict=True):
        opened[index] = replace(batch[index], message=replace(batch[index].message, value=value))
    return opened
