"""The options of `checkout status`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Wide
from cli.runner import load_settings, run_async


def status(
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Again and again, until Ctrl-C, which is how it should end: exit code 0."
        ),
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="With --watch: seconds between two looks.")] = 1.0,
    max_lag_seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="It is a problem that anything waits for longer than this; unset: what the settings say.",
            show_default=False,
        ),
    ] = None,
    all_processes: Annotated[
        bool, typer.Option("--all", help="Show processes too that stopped, or whose place another took.")
    ] = False,
    wide: Wide = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; with --watch one a line.")
    ] = False,
) -> None:
    """Shows each worker: its state, how far it is, what waits for it, its last error, and who has which role.

    Of what is behind it says since when, by how much, and whether it catches up. From when on something is behind say
    CHECKOUT_STATUS_BEHIND_SECONDS and CHECKOUT_STATUS_BEHIND_EVENTS.

    Exit code 0: all is well. 1: something is dead, not ready, missing or behind, or dead letters wait for an operator.
    2: it could not be found out.
    """
    from cli.status.watch import WatchOptions, show_once
    from cli.status.watch import watch as watch_status

    look = WatchOptions(
        watch=watch,
        every=every,
        max_lag_seconds=max_lag_seconds,
        all_processes=all_processes,
        wide=wide,
        json=json,
    )
    raise typer.Exit(
        run_async(watch_status(load_settings(), look) if watch else show_once(load_settings(), look))
    )
