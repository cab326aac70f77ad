"""Dead letters as operators see them."""

from __future__ import annotations

import base64

from domain.operators.dead_letters.model import DeadLetterDetails, DeadLetterSummary, MessageHeader, ReadableContent
from domain.operators.dead_letters.retry_handler import RetryHandler
from domain.operators.dead_letters.store import StoredDeadLetter


def summarize(letter: StoredDeadLetter, handler: RetryHandler) -> DeadLetterSummary:
    message = letter.message
    return DeadLetterSummary(
        id=letter.id,
        kind=handler.kind(message.source.topic),
        topic=message.source.topic,
        partition=message.source.partition,
        offset=message.source.offset,
        code=message.code,
        error=message.error,
        basket_id=letter.basket_id,
        parks=message.basket_id is not None and letter.settled_at is None,
        recorded_at=letter.recorded_at,
        tries=letter.tries,
        tried_at=letter.tried_at,
        last_error=letter.last_error,
        settled_at=letter.settled_at,
        settled_by=letter.settled_by,
    )


def describe(letter: StoredDeadLetter, handler: RetryHandler, *, waits_for: int | None) -> DeadLetterDetails:
    message, plan = letter.message, handler.plan(letter)
    return DeadLetterDetails(
        letter=summarize(letter, handler),
        key=None if message.key is None else _readable(message.key),
        headers=tuple(MessageHeader(name=name, value=_readable(value)) for name, value in message.headers),
        value=None if message.value is None else _readable(message.value),
        retry=plan.retry,
        skip=plan.skip,
        waits_for=waits_for,
    )


def _readable(content: bytes) -> ReadableContent:
    try:
        return ReadableContent(encoding="utf-8", text=content.decode())
    except UnicodeDecodeError:
        return ReadableContent(encoding="base64", text=base64.b64encode(content).decode())
