"""Opens basket events that were published with their personal data sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.kafka.messages import Received
from adapters.privacy.documents import parsed
from adapters.privacy.envelopes import sealed_in
from adapters.privacy.personal_data import PersonalData


async def opened_messages(privacy: PersonalData, batch: Sequence[Received]) -> Sequence[Received]:
    """The messages as they would have come open; all that is not sealed is as it came. Raises StoreUnavailable."""
    sealed = [
        (index, str(document.get("basketId")), received.message.value)
        for index, received in enumerate(batch)
        if received.message.value is not None
        and sealed_in(received.message.value)
        and isinstance(document := parsed(received.message.value), dict)
    ]
    if not sealed:
        return batch
    opened = [*batch]
    values = await privacy.opened([(basket_id, value) for _, basket_id, value in sealed])
    for (index, _, _), value in zip(sealed, values, strict=True):
        opened[index] = replace(batch[index], message=replace(batch[index].message, value=value))
    return opened
