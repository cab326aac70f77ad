"""The options of `checkout status`, and how it shows the status once or again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import BufferedOutput, Output, Wide, echo_error, echo_json, full_screen
from cli.runner import DONE, NOT_DONE, run_with_container
from cli.signals import stop_signal

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.status.model import ServiceStatus
    from domain.operators.status.service_status import HealthPolicy, StatusService
    from domain.shared.errors import Unavailable


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
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; with --watch one a line.")] = False,
) -> None:
    """Shows each worker: its state, position, lag and last error; the consumer groups of CHECKOUT_WATCHED_GROUPS; and which
    process has which role.

    For a worker that is behind it shows since when, by how much, and whether it catches up. A worker is behind when its
    lag passes CHECKOUT_STATUS_BEHIND_SECONDS or CHECKOUT_STATUS_BEHIND_EVENTS.

    Exit code 0: all is well. 1: something is dead, not ready, missing or behind, a topic's setting is wrong, or dead
    letters wait for an operator.
    2: the status could not be read.
    """

    async def run(container: Container) -> int:
        service = container.service_status
        policy = _with_lag_limit(service.policy, max_lag_seconds)
        if watch:
            with _display(json=json, wide=wide, all_processes=all_processes) as display:
                return await _watch(service, policy, display, every)
        current = await service.now(policy)
        if json:
            echo_json(current)
        else:
            from cli.status.screen import show

            show(current, Output(wide=wide), all_processes=all_processes)
        return DONE if current.well else NOT_DONE

    raise typer.Exit(run_with_container(run))


Display = Callable[["ServiceStatus | Unavailable"], None]


async def _watch(service: StatusService, policy: HealthPolicy, display: Display, every: float) -> int:
    """Shows the status again and again until a signal; an outage of PostgreSQL is shown and does not end it."""
    import asyncio

    from domain.shared.errors import Unavailable

    async with stop_signal() as stop:
        while not stop.is_set():
            try:
                display(await service.now(policy))
            except Unavailable as error:
                display(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every)
    return DONE


@contextmanager
def _display(*, json: bool, wide: bool, all_processes: bool) -> Iterator[Display]:
    """Shows one status after another: as lines for programs and in a pipe; on a terminal each replaces the last."""
    from cli.status.screen import show, show_unavailable
    from domain.operators.status.model import ServiceStatus

    def as_lines(result: ServiceStatus | Unavailable) -> None:
        if not isinstance(result, ServiceStatus):
            echo_error(result)
        elif json:
            echo_json(result)
        else:
            show(result, Output(), all_processes=all_processes, watched=True)

    if json or not Output().terminal:
        yield as_lines
        return
    with full_screen() as redraw:

        def draw(result: ServiceStatus | Unavailable) -> None:
            picture = BufferedOutput(wide=wide)
            if isinstance(result, ServiceStatus):
                show(result, picture, all_processes=all_processes, watched=True)
            else:
                show_unavailable(str(result), picture)
            redraw(picture)

        yield draw


def _with_lag_limit(policy: HealthPolicy, seconds: float | None) -> HealthPolicy:
    if seconds is None:
        return policy
    return replace(policy, limits=replace(policy.limits, seconds=seconds, regular_waits={}))
