"""The `checkout` command: puts the rooms together. Run as `checkout …` or `python -m checkout …`."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Partner checkout: an event-sourced checkout service.")


def main() -> None:
    """Runs the command line."""
    app()
