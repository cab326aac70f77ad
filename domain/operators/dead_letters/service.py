"""Settles dead letters: one at a time, each under a claim, in the order of its basket."""

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
from domain.operators.dead_letters.no_retry_handler import NO_RETRY_HANDLER, UnreadableBatchHandler
from domain.operators.dead_letters.store import (
    DeadLetterClaim,
    DeadLetterStore,
    RetryFailed,
    RetryHandler,
    StoredDeadLetter,
)
from domain.operators.dead_letters.views import describe, summarize
from domain.shared.errors import Unavailable
from domain.shared.values import Clock, NewId

PAGE_SIZE = 200
MAX_CURSOR_DIGITS = 18
"""Digits; PostgreSQL's numbers have as many and more."""
RETRIED: ActionType = "operations.dead-letter-retried.v1"
SKIPPED: ActionType = "operations.dead-letter-skipped.v1"


class DeadLetterService:
    """DeadLetterBox. A crash in the middle of a retry leaves the letter as it was: what a remedy does may be
    done again."""

    def __init__(
        self, book: DeadLetterStore, remedies: Sequence[RetryHandler], clock: Clock, new_id: NewId
    ) -> None:
        self._book = book
        self._remedies: Mapping[str, RetryHandler] = {
            topic: remedy for remedy in remedies for topic in remedy.topics
        }
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
        query = DeadLetterQuery(topic=topic, code=code, basket_id=basket_id, settled=settled)
        found = await self._book.page(query, _after(cursor), limit + 1)
        letters = tuple(summarize(buried, self._remedy(buried)) for buried in found[:limit])
        return DeadLetterPage(
            letters=letters, next_cursor=str(letters[-1].id) if len(found) > limit and letters else None
        )

    async def show(self, id: int) -> DeadLetterDetails:
        buried = await self._found(id)
        remedy = self._remedy(buried)
        first = None
        if buried.about is not None and buried.settled_at is None:
            first = await self._book.first_of(buried.about, remedy.topics)
        return describe(buried, remedy, waits_for=first if first != id else None)

    async def retry(self, id: int, operator: Operator) -> ResolutionResult:
        return await self._retry(await self._found(id), operator)

    async def skip(self, id: int, operator: Operator) -> ResolutionResult:
        buried = await self._found(id)
        remedy = self._remedy(buried)
        async with self._book.claim(id, buried.about, remedy.topics) as claim:
            if isinstance(claim, str):
                return _not_claimed(buried, claim)
            try:
                words = await remedy.skip(claim.letter)
            except RetryFailed as error:
                return _outcome(buried, "failed", f"it cannot be left out: {error}")
            settled = _with_what_goes_along(claim, remedy)
            await claim.settle(settled, "skipped", self._action(SKIPPED, buried, operator, "done", settled))
        return await self._after_settling(remedy, buried, settled, words)

    async def retry_all(self, query: DeadLetterQuery, operator: Operator) -> AsyncIterator[ResolutionResult]:
        last, after = await self._book.last_id(), 0
        along: set[int] = set()
        waiting = query.model_copy(update={"settled": False})
        while found := await self._book.page(waiting, after, PAGE_SIZE):
            for buried in found:
                if buried.id > last:
                    return
                if buried.id in along:
                    continue
                if query.code is None and self._remedy(buried).plan(buried).only_by_name:
                    yield _outcome(buried, "left", "it is retried only where it, or its code, is named")
                    continue
                outcome = await self._retry(buried, operator)
                along.update(outcome.along)
                yield outcome
            after = found[-1].id

    async def counts(self) -> Sequence[DeadLetterCount]:
        return await self._book.counts()

    async def _retry(self, buried: StoredDeadLetter, operator: Operator) -> ResolutionResult:
        remedy = self._remedy(buried)
        async with self._book.claim(buried.id, buried.about, remedy.topics) as claim:
            if isinstance(claim, str):
                return _not_claimed(buried, claim)
            if (first := claim.waits_for) is not None:
                words = f"letter {first} of the same basket comes first"
                return _outcome(buried, "waits", words, waits_for=first)
            try:
                words = await remedy.retry(claim.letter)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  (a letter may fail in any way, and is this one's trouble)
                why = str(error) if isinstance(error, RetryFailed) else f"{type(error).__name__}: {error}"
                await claim.keep(why, self._action(RETRIED, buried, operator, "failed", ()))
                return _outcome(buried, "failed", why)
            settled = _with_what_goes_along(claim, remedy)
            await claim.settle(settled, "retried", self._action(RETRIED, buried, operator, "done", settled))
        return await self._after_settling(remedy, buried, settled, words)

    async def _after_settling(
        self, remedy: RetryHandler, buried: StoredDeadLetter, settled: Sequence[int], words: str
    ) -> ResolutionResult:
        try:
            await remedy.settled(buried)
        except RetryFailed as error:
            await self._book.reopen(settled, str(error))
            return _outcome(buried, "failed", str(error))
        return _outcome(buried, "done", words, along=tuple(id for id in settled if id != buried.id))

    async def _found(self, id: int) -> StoredDeadLetter:
        buried = await self._book.find(id)
        if buried is None:
            raise DeadLetterNotFound(id)
        return buried

    def _remedy(self, buried: StoredDeadLetter) -> RetryHandler:
        remedy = self._remedies.get(buried.message.source.topic, NO_RETRY_HANDLER)
        return UnreadableBatchHandler(remedy) if buried.message.code == UNREADABLE_BATCH else remedy

    def _action(
        self,
        type: ActionType,
        buried: StoredDeadLetter,
        operator: Operator,
        result: str,
        settled: Sequence[int],
    ) -> OperatorAction:
        source = buried.message.source
        scope: dict[str, JsonValue] = {
            "letter": buried.id,
            "topic": source.topic,
            "partition": source.partition,
            "offset": source.offset,
            "code": buried.message.code,
            "basketId": buried.about,
            "result": result,
            "settled": [*settled],
        }
        return OperatorAction(
            id=self._new_id(), type=type, operator=operator, scope=scope, occurred_at=self._clock()
        )


def _with_what_goes_along(claim: DeadLetterClaim, remedy: RetryHandler) -> Sequence[int]:
    return [claim.letter.id, *claim.others] if remedy.settles_all else [claim.letter.id]


def _not_claimed(buried: StoredDeadLetter, why: Literal["busy", "settled"]) -> ResolutionResult:
    words = {
        "busy": "another operator is at a letter of the same basket",
        "settled": "it was settled before",
    }
    return _outcome(buried, why, words[why])


def _outcome(
    buried: StoredDeadLetter,
    result: ResolutionStatus,
    words: str,
    along: tuple[int, ...] = (),
    waits_for: int | None = None,
) -> ResolutionResult:
    return ResolutionResult(
        id=buried.id, basket_id=buried.about, result=result, words=words, along=along, waits_for=waits_for
    )


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > MAX_CURSOR_DIGITS:
        raise ValueError(f"{cursor!r} is no cursor of a page of dead letters")
    return int(cursor)
