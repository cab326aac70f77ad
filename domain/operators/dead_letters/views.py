"""Dead letters in the form in which operators are given them."""

from __future__ import annotations

import base64

from domain.operators.dead_letters.model import (
    DeadLetterDetails,
    DeadLetterSummary,
    MessageHeader,
    ReadableContent,
)
from domain.operators.dead_letters.store import RetryHandler, StoredDeadLetter


def summarize(buried: StoredDeadLetter, remedy: RetryHandler) -> DeadLetterSummary:
    """The letter in short."""
    message = buried.message
    return DeadLetterSummary(
        id=buried.id,
        kind=remedy.kind(message.source.topic),
        topic=message.source.topic,
        partition=message.source.partition,
        offset=message.source.offset,
        code=message.code,
        error=message.error,
        basket_id=buried.about,
        parks=message.basket_id is not None and buried.settled_at is None,
        recorded_at=buried.recorded_at,
        tries=buried.tries,
        tried_at=buried.tried_at,
        last_error=buried.last_error,
        settled_at=buried.settled_at,
        settled_by=buried.settled_by,
    )


def describe(buried: StoredDeadLetter, remedy: RetryHandler, *, waits_for: int | None) -> DeadLetterDetails:
    """The letter whole."""
    message, plan = buried.message, remedy.plan(buried)
    return DeadLetterDetails(
        letter=summarize(buried, remedy),
        key=_content(message.key),
        headers=tuple(MessageHeader(name=name, value=_text(value)) for name, value in message.headers),
        value=_content(message.value),
        retry=plan.retry,
        skip=plan.skip,
        waits_for=waits_for,
    )


def _content(bytes: bytes | None) -> ReadableContent | None:
    return None if bytes is None else _text(bytes)


def _text(bytes: bytes) -> ReadableContent:
    try:
        return ReadableContent(encoding="utf-8", text=bytes.decode())
    except UnicodeDecodeError:
        return ReadableContent(encoding="base64", text=base64.b64encode(bytes).decode())
