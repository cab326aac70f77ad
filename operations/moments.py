"""Moments on the command line."""

from __future__ import annotations

from datetime import datetime

import typer


def moment(text: str) -> datetime:
    """An RFC 3339 time; it must say its offset. Raises typer.BadParameter."""
    from domain.values import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error
