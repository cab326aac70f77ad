"""What pydantic found, for people who read dead letters and refused lines."""

from __future__ import annotations

from pydantic import ValidationError

MOST_REASONS = 5


def in_words(error: ValidationError) -> str:
    """What is wrong and where, in one line."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    told = [_reason(".".join(map(str, detail["loc"])), detail["msg"]) for detail in details[:MOST_REASONS]]
    more = len(details) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _reason(place: str, message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
