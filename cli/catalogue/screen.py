"""What people see of a load: progress bars and sentences, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.output import Output, progress_bars


class LoadScreen:
    def __init__(self, out: Output | None = None) -> None:
        self._out = out

    def say(self, text: str) -> None:
        (self._out or Output(sys.stderr)).say(text)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar for the block; what it gives is to be called with how much is done."""
        with progress_bars() as moved:
            moved(what, 0, total)
            yield lambda done: moved(what, done, total)
