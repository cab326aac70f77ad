"""Keeps workers running: a worker that meets a fault is run again, after growing pauses."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from domain.shared.errors import BrokerRefused, Unavailable
from workers.heartbeat import Heartbeat

FIRST_RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0

_log = structlog.get_logger("workers.runner")


class Worker(Protocol):
    """Does one kind of work for as long as its process lives."""

    name: str

    async def run(self, heartbeat: Heartbeat) -> None:
        """Works until it is cancelled. Any exception is a fault, after which `run` is called again: it must begin
        from what is stored, never from what the last call left in memory."""


async def keep_running(worker: Worker, heartbeat: Heartbeat) -> None:
    """Runs the worker until cancelled, and again after each fault.

    The pause is a quarter of a second and doubles with each fault, up to ten seconds. It begins anew for a worker that
    was ready.
    """

    async def run() -> None:
        try:
            await worker.run(heartbeat)
            raise RuntimeError("it stopped by itself")
        finally:
            heartbeat.ended()

    def reset_pause(state: RetryCallState) -> None:
        if heartbeat.is_ready:
            state.attempt_number = 1

    def report_fault(state: RetryCallState) -> None:
        fault = state.outcome.exception() if state.outcome else None
        message = f"{type(fault).__name__}: {fault}"
        heartbeat.fault(message)
        passes = isinstance(fault, Unavailable) and not isinstance(fault, BrokerRefused)
        _log.log(
            logging.WARNING if passes else logging.ERROR,
            "the worker met a fault and is run again",
            worker=worker.name,
            fault=message,
            pause=state.next_action.sleep if state.next_action else None,
            exc_info=None if isinstance(fault, Unavailable) else fault,
        )

    retrying = AsyncRetrying(
        retry=retry_if_exception(_is_fault),
        wait=wait_exponential(multiplier=FIRST_RETRY_SECONDS, max=MAX_RETRY_SECONDS),
        after=reset_pause,
        before_sleep=report_fault,
        sleep=lambda seconds: sleep(seconds, heartbeat),
        reraise=True,
    )
    await retrying(run)


def _is_fault(error: BaseException) -> bool:
    if isinstance(error, asyncio.CancelledError):
        # A library may let the end of a task of its own slip out, although nobody cancelled this one.
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Exception)


async def sleep(seconds: float, heartbeat: Heartbeat) -> None:
    """Sleeps and goes on sending heartbeats: a pause must not be taken for a stall."""
    while seconds > 0:
        await asyncio.sleep(min(seconds, HEARTBEAT_SECONDS))
        seconds -= HEARTBEAT_SECONDS
        heartbeat.beat()
