"""Who acts by the command line, and why: the options of every command that changes something."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from domain.operators.audit import Operator

Reason = Annotated[
    str,
    typer.Option(prompt="Why", help="Why it is done; it is recorded with the action.", show_default=False),
]
Actor = Annotated[
    str | None, typer.Option(help="Who does it; unset: the user of this machine.", show_default=False)
]


def operator_from_options(actor: str | None, reason: str) -> Operator:
    """The operator at this command line. Raises typer.BadParameter where the reason says nothing, or holds what
    cannot be recorded."""
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
