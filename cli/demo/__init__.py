"""`checkout demo`: the way of the data through the service, played by two partner organisations and shown."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.runner import run_async


def demo(
    once: Annotated[bool, typer.Option(help="Exit at the end, non-zero if anything was not as it should be.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")] = 8080,
) -> None:
    """Starts everything, plays the journeys of two partner organisations, and shows what happened."""
    from cli.demo.run import run_demo

    raise typer.Exit(run_async(run_demo(once=once, port=port)))
