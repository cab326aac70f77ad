"""Answers that are given once: the idempotency keys of callers who try again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

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

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class IdempotencyContext(Generic[R]):
    """Store the rendered result under the key, in the transaction of the events."""

    key: IdempotencyKey
    render: Callable[[R], RenderedResponse]

    def answer(self, result: R) -> tuple[IdempotencyKey, RenderedResponse]:
        return (self.key, self.render(result))


@dataclass(frozen=True, slots=True)
class ReplayableResponse:
    """An answer, and whether it is the first one once more."""

    answer: RenderedResponse
    replayed: bool


class IdempotencyStore:
    """Runs each keyed request once, in this process and in all others."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._running: set[tuple[str, str]] = set()

    async def once(
        self, key: IdempotencyKey, run: Callable[[], Awaitable[RenderedResponse]]
    ) -> ReplayableResponse:
        """The stored answer of the key, or that of `run`, which must store it.

        Raises KeyReused where the key stands for another request, and RequestInProgress while the first
        one still runs in this process. Where one runs in another process, the store decides which of the
        two came first, and the other is given its answer, before any refusal of its own.
        """
        name = (key.scope, key.key)
        if name in self._running:
            raise RequestInProgress(key.key)
        self._running.add(name)
        try:
            stored = await self._stored(key)
            if stored is not None:
                return stored
            try:
                return ReplayableResponse(await run(), replayed=False)
            except AnsweredElsewhere:
                stored = await self._stored(key)
                if stored is None:
                    raise
                return stored
        finally:
            self._running.discard(name)

    async def settle(self, key: IdempotencyKey, answer: RenderedResponse) -> None:
        """Stores the answer of a command that was refused. Raises AnsweredElsewhere where a twin was answered
        before, whatever became of it."""
        if not await self._store.store_response(key, answer):
            raise AnsweredElsewhere(key.key)

    async def save_versioned_response(
        self, key: IdempotencyKey, answer: RenderedResponse, basket: Basket
    ) -> None:
        """As `settle`, for an answer that shows the basket: it is stored as the basket's, if that is still at this
        version. Raises RequestInProgress where it is not, for then nothing is decided."""
        append = Append(basket.id, basket.version, (), response=(key, answer))
        match await self._store.append(append):
            case Appended():
                return
            case AlreadyAnswered():
                raise AnsweredElsewhere(key.key)
            case Conflict() | ClaimTaken():
                raise RequestInProgress(key.key)

    async def _stored(self, key: IdempotencyKey) -> ReplayableResponse | None:
        found = await self._store.find_response(key.scope, key.key)
        if found is None and key.former_key is not None:
            found = await self._store.find_response(key.scope, key.former_key)
        if found is None:
            return None
        if found.fingerprint != key.fingerprint:
            raise KeyReused(key.key)
        return ReplayableResponse(found.response, replayed=True)
