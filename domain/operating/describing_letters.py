"""Dead letters in the form in which operators are given them."""

from __future__ import annotations

import base64

from domain.operating.dead_letters import Content, Header, Letter, ShownLetter
from domain.operating.letter_book import Buried, Remedy


def letter_of(buried: Buried, remedy: Remedy) -> Letter:
    """The letter in short."""
    message = buried.message
    return Letter(
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


def shown_letter(buried: Buried, remedy: Remedy, *, waits_for: int | None) -> ShownLetter:
    """The letter whole."""
    message, plan = buried.message, remedy.plan(buried)
    return ShownLetter(
        letter=letter_of(buried, remedy),
        key=_content(message.key),
        headers=tuple(Header(name=name, value=_text(value)) for name, value in message.headers),
        value=_content(message.value),
        retry=plan.retry,
        skip=plan.skip,
        waits_for=waits_for,
    )


def _content(bytes: bytes | None) -> Content | None:
    return None if bytes is None else _text(bytes)


def _text(bytes: bytes) -> Content:
    try:
        return Content(encoding="utf-8", text=bytes.decode())
    except UnicodeDecodeError:
        return Content(encoding="base64", text=base64.b64encode(bytes).decode())
