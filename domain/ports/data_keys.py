"""The keys that personal data in baskets is sealed with. A key that is destroyed takes with it all that it
sealed, wherever a copy of that lies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as it may be stored: encrypted by the master key that `master` names."""

    master: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one basket. Without `key` it is destroyed."""

    id: str
    basket_id: str
    key: WrappedKey | None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """That a basket holds personal data. `proposed` becomes its key unless it has one; None: it is only noted
    whose data it is. `subject` is an organisation's id of the person."""

    basket_id: str
    partner: str
    subject: str | None
    proposed: DataKey | None


class DataKeys(Protocol):
    """Keys of baskets, and whose data these hold. Every method raises StoreUnavailable."""

    async def ensure(self, request: KeyRequest) -> DataKey | None:
        """The basket's key, as durable as whatever is stored after it; None where it has none and none is
        proposed."""

    async def find(self, key_ids: Collection[str]) -> Mapping[str, DataKey]:
        """Those of these keys that ever were."""

    async def newest(self, basket_ids: Collection[str]) -> Mapping[str, DataKey]:
        """For each basket that ever had a key the one that it has, or else had last."""

    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """For each basket that was ever told to forget the version at which it last was."""

    def on_destroyed(self, call: Callable[[], None]) -> None:
        """Has `call` called soon after any process destroyed a key, as long as PostgreSQL can be heard."""


class RewrappedKeys(Protocol):
    """Keys that are to be wrapped by another master key."""

    async def wrapped_by_other_keys(self, master: str, limit: int) -> Sequence[DataKey]:
        """Keys that another master key wraps."""

    async def rewrap(self, keys: Sequence[tuple[DataKey, WrappedKey]]) -> None:
        """Exchanges how these keys are wrapped; one that was destroyed meanwhile stays so."""
