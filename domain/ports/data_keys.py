"""The keys that encrypt personal data, one a basket. Destroying a key destroys everything it encrypted, in every copy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as it is stored: encrypted under the master key of this name."""

    master: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one basket. `key` is None once it is destroyed."""

    id: str
    basket_id: str
    key: WrappedKey | None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A basket receives personal data. `proposed` becomes its key unless it has one. With no proposal only the
    `subject` is recorded: the organisation's id of the person."""

    basket_id: str
    partner: str
    subject: str | None
    proposed: DataKey | None


class DataKeys(Protocol):
    """Keys of baskets, and the persons whose data the baskets hold. Every method raises StoreUnavailable."""

    async def ensure(self, request: KeyRequest) -> DataKey | None:
        """The basket's key, None where it has none and none is proposed. It is as durable as anything stored after
        it."""

    async def find(self, key_ids: Collection[str]) -> Mapping[str, DataKey]:
        """The keys that exist or existed, by their ids."""

    async def newest(self, basket_ids: Collection[str]) -> Mapping[str, DataKey]:
        """For each basket its key, or its last destroyed one. Baskets that never had a key are left out."""

    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The version of each basket's last erasure. Baskets without one are left out."""

    def on_destroyed(self, call: Callable[[], None]) -> None:
        """Registers `call`. It runs soon after any process destroyed a key, if PostgreSQL's notifications arrive."""

    async def wrapped_by_other_keys(self, master: str, limit: int) -> Sequence[DataKey]:
        """Keys that another master key wraps."""

    async def rewrap(self, keys: Sequence[tuple[DataKey, WrappedKey]]) -> None:
        """Replaces how these keys are wrapped. A key destroyed meanwhile stays destroyed."""
