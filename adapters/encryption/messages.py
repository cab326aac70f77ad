"""Opens basket events that were published with their personal data sealed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.encryption.envelope import sealed_key_ids
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.kafka.messages import Received
from domain.basket.personal_fields import parse_document
from domain.shared.values import BASKET_ID_PATTERN

_BASKET_ID = re.compile(BASKET_ID_PATTERN)


async def decrypt_messages(privacy: PersonalDataCipher, batch: Sequence[Received]) -> Sequence[Received]:
    """The messages as they would have come open; all that is not sealed, or names no basket, is as it came. Raises
    StoreUnavailable."""
    sealed = [
        (index, basket_id, received.message.value)
        for index, received in enumerate(batch)
        if received.message.value is not None
        and sealed_key_ids(received.message.value)
        and isinstance(document := parse_document(received.message.value), dict)
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
