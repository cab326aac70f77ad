"""What people see: progress with a rate and the time that remains, and sentences, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")

CONSOLE = Console(stderr=True, highlight=False)
STEP = 500
"""A bar that moved for every row would cost more than the rows."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="dim")


@contextmanager
def bar(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A progress bar for the block; what it gives is called with how many more are done."""
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=CONSOLE) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda more: progress.advance(task, more)


def with_bar(what: str, rows: Iterable[T], total: int) -> Iterator[T]:
    """The rows, with a bar while they are taken."""
    with bar(what, total) as advance:
        for count, row in enumerate(rows, 1):
            if count % STEP == 0:
                advance(STEP)
            yield row
        advance(total % STEP)
