"""What a worker's line in the log says of the basket that it is about, as the API's lines do."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import from_json

from domain.ports.event_store import StoredEvent
from domain.ports.messaging import DeadLetter

LogContext = dict[str, str | None]
"""`basket`, `organisation` and `trace`; None where they are not known."""


def dead_letter_context(letter: DeadLetter) -> LogContext:
    """What the message says of itself, as far as it can be read."""
    return {
        "basket": letter.basket_id or _text(letter.headers, "ce_subject"),
        "organisation": _text(letter.headers, "ce_partnerorg"),
        "trace": _trace(_text(letter.headers, "traceparent")),
    }


def event_context(event: StoredEvent) -> LogContext:
    """What the event's metadata says, as far as they can be read."""
    try:
        metadata = from_json(event.metadata)
        return {
            "basket": event.stream_id,
            "organisation": metadata.get("partner"),
            "trace": _trace(metadata.get("traceparent")),
        }
    except (ValueError, AttributeError):
        return {"basket": event.stream_id, "organisation": None, "trace": None}


def _text(headers: Sequence[tuple[str, bytes]], wanted: str) -> str | None:
    for name, value in headers:
        if name == wanted:
            return value.decode(errors="replace")
    return None


def _trace(traceparent: str | None) -> str | None:
    """The trace's id out of a W3C traceparent."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 else None
