"""Moments on the command line."""

from __future__ import annotations

from datetime import datetime

import typer


def moment(text: str) -> datetime:
    """An RFC 3339 time; it must say its offset. Raises typer.BadParameter."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no RFC 3339 time") from error
    if parsed.tzinfo is None:
        raise typer.BadParameter(f"{text} says no offset, such as Z")
    return parsed
