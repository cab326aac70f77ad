"""Moments on the command line."""

from __future__ import annotations

from datetime import datetime

import typer


def moment(text: str) -> datetime:
    """An RFC 3339 time; it must say its offset. Raises typer.BadParameter."""
    from domain.shared.values import parse_timestamp

    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error
