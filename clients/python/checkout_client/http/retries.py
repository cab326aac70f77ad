"""When a call is sent again: the same request with the same key, so that it never has a second effect."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import tenacity

from checkout_client.http.problems import CheckoutProblem, NoAnswer

_log = logging.getLogger("checkout_client")


@dataclass(frozen=True)
class RetryPolicy:
    """Sends again after connection errors, timeouts, 409 `request_in_progress`, 429 and 503, and never after anything
    else. Times are in seconds.

    The pause is random, and its limit doubles from `first_delay` to `longest_delay`. `Retry-After` is added to it: no
    call comes back earlier than the service says. No attempt begins once the `budget` is used up.
    """

    budget: float = 30.0
    attempts: int = 10
    """The first one included."""
    first_delay: float = 0.2
    longest_delay: float = 5.0
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    async_pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    def retrying(self) -> tenacity.Retrying:
        """For one call, which begins now. It raises the last error as it is."""
        return tenacity.Retrying(
            sleep=self.pause,
            retry=tenacity.retry_if_exception(is_retryable),
            wait=self._wait,
            stop=self._stop_after_budget(),
            before_sleep=_log_retry,
            reraise=True,
        )

    def async_retrying(self) -> tenacity.AsyncRetrying:
        """As `retrying`."""
        return tenacity.AsyncRetrying(
            sleep=self.async_pause,
            retry=tenacity.retry_if_exception(is_retryable),
            wait=self._wait,
            stop=self._stop_after_budget(),
            before_sleep=_log_retry,
            reraise=True,
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = _error(state)
        told = error.retry_after if isinstance(error, CheckoutProblem) else None
        jitter = tenacity.wait_random_exponential(multiplier=self.first_delay, max=self.longest_delay)
        return (told or 0.0) + jitter(state)

    def _stop_after_budget(self) -> Callable[[tenacity.RetryCallState], bool]:
        began = self.clock()

        def stop(state: tenacity.RetryCallState) -> bool:
            used = self.clock() - began + state.upcoming_sleep
            return state.attempt_number >= self.attempts or used > self.budget

        return stop


NO_RETRIES = RetryPolicy(attempts=1)


def is_retryable(error: BaseException) -> bool:
    """Whether sending the same request again, with the same key, may succeed."""
    return isinstance(error, NoAnswer | CheckoutProblem) and error.retryable


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _log_retry(state: tenacity.RetryCallState) -> None:
    _log.info(
        "attempt %d failed, the next one in %.1f s: %s", state.attempt_number, state.upcoming_sleep, _error(state)
    )
