"""Options that several commands share: who acts and why, and times."""

from __future__ import annotations

import getpass
import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from domain.operators.audit import Operator

Reason = Annotated[
    str,
    typer.Option(prompt="Why", help="Why it is done; it is recorded with the action.", show_default=False),
]
Actor = Annotated[str | None, typer.Option(help="Who does it; unset: the user of this machine.", show_default=False)]


def timestamp_option(text: str) -> datetime:
    """Parses an RFC 3339 time with its offset. Raises typer.BadParameter."""
    from domain.shared.values import parse_timestamp

    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error


def operator_from_options(actor: str | None, reason: str) -> Operator:
    """Who acts, and why. Raises typer.BadParameter for a reason or name that cannot be recorded."""
    from adapters.rebuild_launcher import CHANNEL_VARIABLE
    from domain.operators.audit import Operator
    from domain.shared.errors import InvalidCommand

    try:
        return Operator.model_validate(
            {
                "actor": actor or getpass.getuser(),
                "way": os.environ.get(CHANNEL_VARIABLE, "command-line"),
                "reason": reason.strip(),
            }
        )
    except InvalidCommand as error:
        (wrong,) = error.violations
        raise typer.BadParameter(wrong.message, param_hint=f"--{wrong.location[-1]}") from error
