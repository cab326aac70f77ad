"""Keys of personal data in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from domain.ports.data_keys import DataKey, KeyRequest, WrappedKey


class InMemoryDataKeys:
    """DataKeys, as durable as the process."""

    def __init__(self) -> None:
        self._keys: dict[str, DataKey] = {}
        self._subjects: set[tuple[str, str, str]] = set()
        self._forgotten: dict[str, int] = {}
        self._calls: list[Callable[[], None]] = []

    async def ensure(self, request: KeyRequest) -> DataKey | None:
        if request.subject is not None:
            self._subjects.add((request.partner, request.subject, request.basket_id))
        for key in self._keys.values():
            if key.basket_id == request.basket_id and key.key is not None:
                return key
        if request.proposed is not None:
            self._keys[request.proposed.id] = request.proposed
        return request.proposed

    async def find(self, key_ids: Collection[str]) -> Mapping[str, DataKey]:
        return {key_id: self._keys[key_id] for key_id in key_ids if key_id in self._keys}

    async def newest(self, basket_ids: Collection[str]) -> Mapping[str, DataKey]:
        newest: dict[str, DataKey] = {}
        for key in self._keys.values():
            held = newest.get(key.basket_id)
            if key.basket_id in basket_ids and (held is None or held.key is None):
                newest[key.basket_id] = key
        return newest

    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return {id: self._forgotten[id] for id in basket_ids if id in self._forgotten}

    def on_destroyed(self, call: Callable[[], None]) -> None:
        self._calls.append(call)

    async def wrapped_by_other_keys(self, master: str, limit: int) -> Sequence[DataKey]:
        return [key for key in self._keys.values() if key.key and key.key.master != master][:limit]

    async def rewrap(self, keys: Sequence[tuple[DataKey, WrappedKey]]) -> None:
        for key, wrapped in keys:
            if self._keys[key.id].key is not None:
                self._keys[key.id] = replace(key, key=wrapped)

    def destroy(self, basket_id: str, version: int) -> None:
        """Does to the keys of a basket what an erasure at this version does."""
        for key in [*self._keys.values()]:
            if key.basket_id == basket_id:
                self._keys[key.id] = replace(key, key=None)
        self._subjects = {subject for subject in self._subjects if subject[2] != basket_id}
        self._forgotten[basket_id] = version
        for call in self._calls:
            call()
