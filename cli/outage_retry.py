"""Long work goes on after PostgreSQL or Kafka was slow, or away for a while: a step that met that is done again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.encryption.keys import MasterKeyMissing
from adapters.settings import Settings
from cli.output import echo_error
from cli.signals import Interrupted, until_stopped
from domain.shared.errors import LeadershipLost, Unavailable

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
FOR_GOOD = (MasterKeyMissing, LeadershipLost)
"""Trying again cannot help: a key is not given; another one does this work, and would be pushed aside in turn."""


def with_long_run_timeouts(settings: Settings) -> Settings:
    """The settings with the time limits of long work: nobody waits for a single answer of it."""
    limit = max(settings.database_timeout, settings.long_run_timeout)
    return settings.model_copy(update={"database_timeout": limit})


class OutageRetry:
    """Does the steps of one run. What it waits for is said once an outage on stderr. Who is not there at the beginning,
    before any step has got somewhere, is not waited for."""

    def __init__(self, stop: asyncio.Event, patience: float) -> None:
        """It waits for `patience` seconds at most until a part is there again, and no longer than until `stop`."""
        self._stop = stop
        self._patience = patience
        self._away_since: float | None = None
        self._under_way = False

    def under_way(self) -> None:
        """Says that a step has got somewhere: whoever was away is there again."""
        if self._away_since is not None:
            echo_error("it is there again, and the run goes on")
        self._away_since, self._under_way = None, True

    async def do(self, step: Callable[[], Awaitable[T]], *, stoppable: bool = True) -> T:
        """The step's result; the step must do no harm when it is done twice. Raises Interrupted, and Unavailable where
        a part stays away for too long or trying again cannot help. One that is not `stoppable` ends by itself."""
        now = asyncio.get_running_loop().time
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                result = await (
                    until_stopped(self._stop, asyncio.ensure_future(step())) if stoppable else step()
                )
            except Unavailable as error:
                if isinstance(error, FOR_GOOD) or not self._under_way:
                    raise
                if self._away_since is None:
                    self._away_since = now()
                    echo_error(f"{error}; waiting for it, at most {self._patience:g} s")
                elif now() - self._away_since >= self._patience:
                    raise
            else:
                self.under_way()
                return result
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            if self._stop.is_set():
                raise Interrupted
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def finish(self, begun: Awaitable[T], again: Callable[[], Awaitable[T]]) -> T:
        """The same of a step that was begun already, and how it is begun again."""
        first = [begun]
        return await self.do(lambda: first.pop() if first else again())
