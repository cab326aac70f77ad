"""Lets long work survive an outage of PostgreSQL or Kafka: a step that fails by it is done again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from adapters.encryption.keys import MasterKeyMissing
from adapters.settings import Settings
from cli.output import echo_error
from cli.signals import Interrupted, until_stopped
from domain.shared.errors import LeadershipLost, Unavailable

T = TypeVar("T")

FIRST_RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 5.0
PERMANENT = (MasterKeyMissing, LeadershipLost)
"""A retry does not help: a key is missing, or another process does this work and would be pushed aside in turn."""


def with_long_run_timeouts(settings: Settings) -> Settings:
    """The settings with the time limits of long work, of which nobody waits for a single answer."""
    limit = max(settings.database_timeout, settings.long_run_timeout)
    return settings.model_copy(update={"database_timeout": limit})


class OutageRetry:
    """Does the steps of one run, and prints each outage once on stderr.

    It waits for an outage to end only once a step has made progress: at the beginning an outage is an error.
    """

    def __init__(self, stop: asyncio.Event, patience: float) -> None:
        """It waits for `patience` seconds of an outage at most, and no longer than until `stop`."""
        self._stop = stop
        self._patience = patience
        self._away_since: float | None = None
        self._under_way = False

    def under_way(self) -> None:
        """A step has made progress: an outage is over."""
        if self._away_since is not None:
            echo_error("it is there again, and the run goes on")
        self._away_since, self._under_way = None, True

    async def do(self, step: Callable[[], Awaitable[T]], *, stoppable: bool = True) -> T:
        """Returns the step's result. The step may be done twice without harm; `stoppable`: it is cancelled by a stop.

        Raises Interrupted, and Unavailable where an outage lasts too long or a retry does not help.
        """

        async def attempt() -> T:
            result = await (until_stopped(self._stop, asyncio.ensure_future(step())) if stoppable else step())
            self.under_way()
            return result

        retrying = AsyncRetrying(
            retry=retry_if_exception(self._passes),
            stop=self._is_out_of_patience,
            wait=wait_exponential(multiplier=FIRST_RETRY_SECONDS, max=MAX_RETRY_SECONDS),
            before_sleep=self._announce,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    async def finish(self, begun: Awaitable[T], again: Callable[[], Awaitable[T]]) -> T:
        """The same for a step that was begun already; `again` begins it anew."""
        first = [begun]
        return await self.do(lambda: first.pop() if first else again())

    def _passes(self, error: BaseException) -> bool:
        return self._under_way and isinstance(error, Unavailable) and not isinstance(error, PERMANENT)

    def _is_out_of_patience(self, _: RetryCallState) -> bool:
        away_since = self._away_since
        return away_since is not None and self._now() - away_since >= self._patience

    def _announce(self, state: RetryCallState) -> None:
        if self._away_since is None and state.outcome is not None:
            self._away_since = self._now()
            echo_error(f"{state.outcome.exception()}; waiting for it, at most {self._patience:g} s")

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        if self._stop.is_set():
            raise Interrupted

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
