"""Logs messages that were not understood and records them as dead letters; what a log line says about a basket."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic_core import from_json

from domain.ports.event_store import StoredEvent
from domain.ports.messaging import DeadLetter, DeadLetters

_log = structlog.get_logger("workers.dead_letters")

LogContext = dict[str, str | None]
"""`basket`, `organisation` and `trace`, as in the API's log lines; None where unknown."""


async def send_to_dead_letters(sinks: Sequence[DeadLetters], letters: Sequence[DeadLetter]) -> None:
    """Logs the letters and records them in each of the sinks. Raises Unavailable."""
    for letter in letters:
        _log.error(
            "a message became a dead letter",
            source=letter.source,
            code=letter.code,
            error=letter.error,
            blocks_basket=letter.basket_id is not None,
            **dead_letter_context(letter),
        )
    for sink in sinks:
        await sink.record(letters)


def dead_letter_context(letter: DeadLetter) -> LogContext:
    """From the message's headers, as far as they can be read."""
    return {
        "basket": letter.basket_id or _text(letter.headers, "ce_subject"),
        "organisation": _text(letter.headers, "ce_partnerorg"),
        "trace": _trace_id(_text(letter.headers, "traceparent")),
    }


def event_context(event: StoredEvent) -> LogContext:
    """From the event's metadata, as far as it can be read."""
    try:
        metadata = from_json(event.metadata)
        return {
            "basket": event.stream_id,
            "organisation": metadata.get("partner"),
            "trace": _trace_id(metadata.get("traceparent")),
        }
    except (ValueError, AttributeError):
        return {"basket": event.stream_id, "organisation": None, "trace": None}


def _text(headers: Sequence[tuple[str, bytes]], wanted: str) -> str | None:
    return next((value.decode(errors="replace") for name, value in headers if name == wanted), None)


def _trace_id(traceparent: str | None) -> str | None:
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 else None
