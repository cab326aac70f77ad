"""Times on the command line."""

from __future__ import annotations

from datetime import datetime

import typer


def timestamp_option(text: str) -> datetime:
    """Parses an RFC 3339 time with its offset. Raises typer.BadParameter."""
    from domain.shared.values import parse_timestamp

    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error
