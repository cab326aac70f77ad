"""What people see of a load: progress bars and sentences, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

UPDATES = 200
"""How often a bar moves in all."""


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        # A line of a file may hold anything: it is no markup.
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar for the block; what it gives is to be called with how much is done."""
        columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        step = max(1, total // UPDATES)
        shown = 0
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(what, total=total)

            def move(done: int) -> None:
                nonlocal shown
                if done - shown >= step or done >= total:
                    shown = done
                    progress.update(task, completed=done)

            yield move
