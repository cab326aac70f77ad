"""`checkout up`: the whole service on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.runner import load_settings, run_async


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the embedded servers, kept between runs; unset: .checkout."),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option(help="Keep nothing: use a temporary folder, and remove it at the end.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout once all is ready.")] = False,
) -> None:
    """Starts everything: the API, all workers, and PostgreSQL and a broker where no setting names one.

    Commands in the same folder find the service by themselves; elsewhere use `checkout --data DIR …`.
    """
    from cli.up.run import run_up

    settings = load_settings(running=False)
    folder = None if ephemeral else data or settings.data
    raise typer.Exit(run_async(run_up(settings, port=port, data=folder, as_json=json)))
