"""`checkout history`: every event of a basket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import STDOUT, Output, StyledText, echo_error, echo_json
from cli.runner import load_settings, run_async, run_with_container
from cli.signals import stop_signal, until_stopped
from domain.shared.errors import StoreUnavailable
from domain.shared.formatting import format_time

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.history.as_of import HistoryEntry

RETRY_SECONDS = 1.0
COLUMNS = ("version", "time", "what", "by", "correlation", "causation")

BasketId = Annotated[str, typer.Argument(help="The basket's id.")]


def history(
    basket: BasketId,
    after_version: Annotated[int, typer.Option(min=0, help="Only events after this version.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Also print each new event, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line for each event.")] = False,
) -> None:
    """Prints every event of a basket: its version, its time, what changed, who asked, and the correlation id.

    Exit code 0: printed. 1: there is no such basket, or it could not be read. 130: --follow was ended.
    """
    print_entry = echo_json if json else HistoryPrinter().print
    if follow:
        run_async(_follow(basket, after_version, print_entry))
    for entry in run_with_container(lambda container: container.basket_history.entries(basket, after_version)):
        print_entry(entry)


class HistoryPrinter:
    """Prints entries one below the other. Above the entries of one command it prints once who asked for it."""

    def __init__(self, out: Output = STDOUT) -> None:
        self._out = out
        self._command: tuple[object, ...] | None = None

    def print(self, entry: HistoryEntry) -> None:
        time = format_time(entry.occurred_at or entry.recorded_at, "milliseconds")
        if not self._out.terminal:
            ids = (entry.actor or "", entry.correlation_id or "", entry.causation_id or "")
            row = (str(entry.version), time, entry.words, *ids)
            self._out.table(COLUMNS, [row], headed=self._command is None)
            self._command = ()
            return
        command = (entry.actor, entry.correlation_id, entry.causation_id)
        if command != self._command:
            self._command = command
            heading: list[StyledText] = [(time, "bold"), f"  by {entry.actor or 'nobody that was named'}"]
            if entry.correlation_id is not None:
                heading.append((f", correlation {entry.correlation_id}", "dim"))
            self._out.say(*heading)
        self._out.say((f"{entry.version:>6}  ", "cyan"), entry.words)


async def _follow(basket_id: str, after_version: int, print_entry: Callable[[HistoryEntry], None]) -> None:
    """Raises Interrupted at SIGINT and SIGTERM."""
    from adapters.container import open_operator_container

    async with open_operator_container(load_settings()) as container, stop_signal() as stop:
        await until_stopped(stop, _print_forever(container, basket_id, after_version, print_entry))


async def _print_forever(
    container: Container, basket_id: str, version: int, print_entry: Callable[[HistoryEntry], None]
) -> None:
    """Waits while PostgreSQL is away, and says so once an outage."""
    import asyncio

    available = True
    while True:
        try:
            async for entry in container.history_tail.follow(basket_id, version):
                print_entry(entry)
                version, available = entry.version, True
        except StoreUnavailable as error:
            if available:
                echo_error(f"{error}; waiting for it")
            available = False
            await asyncio.sleep(RETRY_SECONDS)
