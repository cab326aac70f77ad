"""Idempotency keys: a command with a key has one response, in this process and in all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from domain.basket.basket import Basket
from domain.ports.event_store import (
    AlreadyAnswered,
    Append,
    Appended,
    ClaimTaken,
    Conflict,
    EventStore,
    IdempotencyKey,
    RenderedResponse,
)
from domain.shared.errors import AnsweredElsewhere, KeyReused, RequestInProgress

REPLAYED = {"Idempotent-Replayed": "true"}
"""The header of a response that is sent again."""


class IdempotencyStore:
    """Finds and saves responses by key. The event store saves a success with its events; see `Append`."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._running: set[tuple[str, str]] = set()

    @contextmanager
    def reserve(self, key: IdempotencyKey) -> Iterator[None]:
        """Raises RequestInProgress while another command with this key runs in this process."""
        name = (key.scope, key.key)
        if name in self._running:
            raise RequestInProgress(key.key)
        self._running.add(name)
        try:
            yield
        finally:
            self._running.discard(name)

    async def find_response(self, key: IdempotencyKey) -> RenderedResponse | None:
        """The key's response, marked as a replay. Raises KeyReused if the key belongs to another request."""
        found = await self._store.find_response(key.scope, key.key)
        if found is None and key.former_key is not None:
            found = await self._store.find_response(key.scope, key.former_key)
        if found is None:
            return None
        if found.fingerprint != key.fingerprint:
            raise KeyReused(key.key)
        return replace(found.response, headers={**found.response.headers, **REPLAYED})

    async def save_response(self, key: IdempotencyKey, response: RenderedResponse, shown: Basket | None = None) -> None:
        """Saves the response of a rejected command, before the caller is told.

        A response that shows a basket belongs to that basket, so that an erasure finds it; it is saved only while
        the basket is at the version shown. Raises RequestInProgress if it is not, for then nothing is decided.
        Raises AnsweredElsewhere if another process saved a response first.
        """
        if shown is None:
            if not await self._store.store_response(key, response):
                raise AnsweredElsewhere(key.key)
            return
        match await self._store.append(Append(shown.id, shown.version, (), response=(key, response))):
            case Appended():
                return
            case AlreadyAnswered():
                raise AnsweredElsewhere(key.key)
            case Conflict() | ClaimTaken():
                raise RequestInProgress(key.key)
