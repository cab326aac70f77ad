"""The options of `checkout status`, and how it shows the status once or again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import BufferedOutput, Output, Wide, echo_error, echo_json, full_screen
from cli.runner import DONE, NOT_DONE, run_with_container
from cli.signals import stop_signal

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.status.model import ServiceStatus
    from domain.shared.errors import Unavailable


@dataclass(frozen=True, slots=True)
class _Options:
    """`every` is in seconds; `max_lag_seconds` None: the limit of the settings."""

    every: float
    max_lag_seconds: float | None
    all_processes: bool
    wide: bool
    json: bool


def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Repeat until Ctrl-C, which ends it with exit code 0.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="With --watch: seconds between two updates.")] = 1.0,
    max_lag_seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Report a problem where anything waits for longer. Default: as the settings say.",
            show_default=False,
        ),
    ] = None,
    all_processes: Annotated[
        bool, typer.Option("--all", help="Also show processes that stopped or were replaced.")
    ] = False,
    wide: Wide = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; with --watch one a line.")
    ] = False,
) -> None:
    """Shows each worker: its state, position, lag and last error; and which process has which role.

    For a worker that is behind it shows since when, by how much, and whether it catches up. A worker is behind when its
    lag passes CHECKOUT_STATUS_BEHIND_SECONDS or CHECKOUT_STATUS_BEHIND_EVENTS.

    Exit code 0: all is well. 1: something is dead, not ready, missing or behind, or dead letters wait for an operator.
    2: the status could not be read.
    """
    options = _Options(every, max_lag_seconds, all_processes, wide, json)
    raise typer.Exit(
        run_with_container(
            lambda container: _watch(container, options) if watch else _show_once(container, options)
        )
    )


async def _show_once(container: Container, options: _Options) -> int:
    from cli.status.screen import show

    status = await _read(container, options)
    if options.json:
        echo_json(status)
    else:
        show(status, Output(wide=options.wide), all_processes=options.all_processes)
    return DONE if status.well else NOT_DONE


async def _watch(container: Container, options: _Options) -> int:
    """Shows the status again and again until a signal; an outage of PostgreSQL is shown and does not end it."""
    import asyncio

    from domain.shared.errors import Unavailable

    async with stop_signal() as stop:
        with _display(options) as display:
            while not stop.is_set():
                try:
                    display(await _read(container, options))
                except Unavailable as error:
                    display(error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), options.every)
    return DONE


@contextmanager
def _display(options: _Options) -> Iterator[Callable[[ServiceStatus | Unavailable], None]]:
    """Shows one status after another: as lines for programs and in a pipe; on a terminal each replaces the last."""
    from cli.status.screen import show, show_unavailable
    from domain.operators.status.model import ServiceStatus

    def as_lines(result: ServiceStatus | Unavailable) -> None:
        if not isinstance(result, ServiceStatus):
            echo_error(result)
        elif options.json:
            echo_json(result)
        else:
            show(result, Output(), all_processes=options.all_processes, watched=True)

    if options.json or not Output().terminal:
        yield as_lines
        return
    with full_screen() as redraw:

        def draw(result: ServiceStatus | Unavailable) -> None:
            picture = BufferedOutput(wide=options.wide)
            if isinstance(result, ServiceStatus):
                show(result, picture, all_processes=options.all_processes, watched=True)
            else:
                show_unavailable(str(result), picture)
            redraw(picture)

        yield draw


async def _read(container: Container, options: _Options) -> ServiceStatus:
    from dataclasses import replace

    from domain.operators.status.lag import LagLimits

    policy = container.service_status.policy
    if options.max_lag_seconds is not None:
        limits = LagLimits(events=policy.limits.events, seconds=options.max_lag_seconds)
        policy = replace(policy, limits=limits)
    return await container.service_status.now(policy)
