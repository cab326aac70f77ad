"""Retries and skips dead letters: one at a time, each under a claim, in the order of its basket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from domain.operators.audit import ActionType, Operator, OperatorAction
from domain.operators.dead_letters.model import (
    UNREADABLE_BATCH,
    DeadLetterCount,
    DeadLetterDetails,
    DeadLetterNotFound,
    DeadLetterPage,
    DeadLetterQuery,
    ResolutionResult,
    ResolutionStatus,
)
from domain.operators.dead_letters.retry_handler import (
    NO_RETRY_HANDLER,
    RetryFailed,
    RetryHandler,
    UnreadableBatchHandler,
)
from domain.operators.dead_letters.store import DeadLetterStore, StoredDeadLetter
from domain.operators.dead_letters.views import describe, summarize
from domain.shared.errors import Unavailable
from domain.shared.values import Clock, NewId

PAGE_SIZE = 200
MAX_CURSOR_DIGITS = 18
"""PostgreSQL's numbers have as many and more."""

_ACTIONS: Mapping[Literal["retried", "skipped"], ActionType] = {
    "retried": "operations.dead-letter-retried.v1",
    "skipped": "operations.dead-letter-skipped.v1",
}
_NOT_CLAIMED: Mapping[Literal["busy", "settled"], str] = {
    "busy": "another operator is at a letter of the same basket",
    "settled": "it was settled before",
}


class DeadLetterService:
    """What operators do with dead letters. Every method raises StoreUnavailable.

    A crash in the middle of a retry leaves the letter as it was: a retry may be done again.
    """

    def __init__(self, store: DeadLetterStore, handlers: Sequence[RetryHandler], clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._handlers = {topic: handler for handler in handlers for topic in handler.topics}
        self._clock = clock
        self._new_id = new_id

    async def list(
        self,
        cursor: str | None = None,
        limit: int = 50,
        settled: bool | None = False,
        *,
        topic: str | None = None,
        code: str | None = None,
        basket_id: str | None = None,
    ) -> DeadLetterPage:
        """A page of letters in the order in which they were recorded; raises ValueError for an unknown cursor."""
        query = DeadLetterQuery(topic=topic, code=code, basket_id=basket_id, settled=settled)
        found = await self._store.page(query, _after(cursor), limit + 1)
        letters = tuple(summarize(letter, self._handler(letter)) for letter in found[:limit])
        more = len(found) > limit and letters
        return DeadLetterPage(letters=letters, next_cursor=str(letters[-1].id) if more else None)

    async def show(self, id: int) -> DeadLetterDetails:
        """Raises DeadLetterNotFound."""
        letter = await self._find(id)
        handler = self._handler(letter)
        first = None
        if letter.basket_id is not None and letter.settled_at is None:
            first = await self._store.first_of(letter.basket_id, handler.topics)
        return describe(letter, handler, waits_for=first if first != id else None)

    async def retry(self, id: int, operator: Operator) -> ResolutionResult:
        """Does what the message asked for. Where that fails the letter stays, with the new error.

        Raises DeadLetterNotFound, and Unavailable where a service is away: then nothing changed.
        """
        return await self._resolve(await self._find(id), "retried", operator)

    async def skip(self, id: int, operator: Operator) -> ResolutionResult:
        """Leaves the letter out, so that what waits behind it goes on. Raises as `retry` does."""
        return await self._resolve(await self._find(id), "skipped", operator)

    async def retry_all(self, query: DeadLetterQuery, operator: Operator) -> AsyncIterator[ResolutionResult]:
        """Retries the letters that the query finds, in the order in which they were recorded.

        Of each basket it stops at the first letter that stays. Letters recorded meanwhile are left to the next time.
        """
        last, after = await self._store.last_id(), 0
        settled_along: set[int] = set()
        waiting = query.model_copy(update={"settled": False})
        while found := await self._store.page(waiting, after, PAGE_SIZE):
            for letter in found:
                if letter.id > last:
                    return
                if letter.id in settled_along:
                    continue
                if query.code is None and self._handler(letter).plan(letter).only_by_name:
                    yield _result(letter, "left", "it is retried only where it, or its code, is named")
                    continue
                result = await self._resolve(letter, "retried", operator)
                settled_along.update(result.along)
                yield result
            after = found[-1].id

    async def counts(self) -> Sequence[DeadLetterCount]:
        """How many letters wait, by topic and code."""
        return await self._store.counts()

    async def _resolve(
        self, letter: StoredDeadLetter, by: Literal["retried", "skipped"], operator: Operator
    ) -> ResolutionResult:
        handler, skips = self._handler(letter), by == "skipped"
        async with self._store.claim(letter.id, letter.basket_id, handler.topics) as claim:
            if isinstance(claim, str):
                return _result(letter, claim, _NOT_CLAIMED[claim])
            if (first := claim.waits_for) is not None and not skips:
                why = f"letter {first} of the same basket comes first"
                return _result(letter, "waits", why, waits_for=first)
            try:
                done = await (handler.skip(claim.letter) if skips else handler.retry(claim.letter))
            except Exception as error:
                # Whatever else is wrong with one letter must not stop the retries of the others.
                if isinstance(error, Unavailable) or (skips and not isinstance(error, RetryFailed)):
                    raise
                if skips:
                    return _result(letter, "failed", f"it cannot be left out: {error}")
                why = str(error) if isinstance(error, RetryFailed) else f"{type(error).__name__}: {error}"
                await claim.record_failure(why, self._action(by, letter, operator, "failed", ()))
                return _result(letter, "failed", why)
            settled = [claim.letter.id, *(claim.others if handler.settles_all else ())]
            await claim.resolve(settled, by, self._action(by, letter, operator, "done", settled))
        try:
            await handler.settled(letter)
        except RetryFailed as error:
            await self._store.reopen(settled, str(error))
            return _result(letter, "failed", str(error))
        return _result(letter, "done", done, along=tuple(settled[1:]))

    async def _find(self, id: int) -> StoredDeadLetter:
        letter = await self._store.find(id)
        if letter is None:
            raise DeadLetterNotFound(id)
        return letter

    def _handler(self, letter: StoredDeadLetter) -> RetryHandler:
        handler = self._handlers.get(letter.message.source.topic, NO_RETRY_HANDLER)
        return UnreadableBatchHandler(handler) if letter.message.code == UNREADABLE_BATCH else handler

    def _action(
        self,
        by: Literal["retried", "skipped"],
        letter: StoredDeadLetter,
        operator: Operator,
        result: str,
        settled: Sequence[int],
    ) -> OperatorAction:
        source = letter.message.source
        scope: dict[str, JsonValue] = {
            "letter": letter.id,
            "topic": source.topic,
            "partition": source.partition,
            "offset": source.offset,
            "code": letter.message.code,
            "basketId": letter.basket_id,
            "result": result,
            "settled": [*settled],
        }
        return OperatorAction(
            id=self._new_id(), type=_ACTIONS[by], operator=operator, scope=scope, occurred_at=self._clock()
        )


def _result(
    letter: StoredDeadLetter,
    status: ResolutionStatus,
    words: str,
    along: tuple[int, ...] = (),
    waits_for: int | None = None,
) -> ResolutionResult:
    return ResolutionResult(
        id=letter.id,
        basket_id=letter.basket_id,
        result=status,
        words=words,
        along=along,
        waits_for=waits_for,
    )


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > MAX_CURSOR_DIGITS:
        raise ValueError(f"{cursor!r} is no cursor of a page of dead letters")
    return int(cursor)
