"""Progress bars on stderr, with a rate and the remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, track

T = TypeVar("T")

CONSOLE = Console(stderr=True, highlight=False)


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A bar for the block, which calls the function with the number of items just done."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda more: progress.advance(task, more)


def with_bar(title: str, rows: Iterable[T], total: int) -> Iterable[T]:
    """The rows, with a bar while they are consumed."""
    return track(rows, title, total=total, console=CONSOLE, show_speed=True)
