"""Keeps workers running: a worker that meets a fault is run again from its start, later each time."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import structlog

from domain.shared.errors import BrokerRefused, Unavailable
from workers.heartbeat import Heartbeat

__all__ = ["Heartbeat", "Worker", "keep_running", "sleep"]

FIRST_RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0

_log = structlog.get_logger("workers.runner")


class Worker(Protocol):
    """Does one kind of work for as long as its process lives."""

    name: str

    async def run(self, heartbeat: Heartbeat) -> None:
        """Works until it is cancelled. Any exception is a fault, after which `run` is called again: it
        must begin from what is stored, never from what the last call left in memory."""


async def keep_running(worker: Worker, heartbeat: Heartbeat) -> None:
    """Runs the worker until cancelled. After a fault it is run again, at first after a quarter of a
    second, then twice as long each time up to ten, until it has been ready again."""
    pause = FIRST_RETRY_SECONDS
    while True:
        try:
            await worker.run(heartbeat)
            fault: BaseException = RuntimeError("it stopped by itself")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled us: a library let the end of a task of its own slip out.
            fault = error
        except Exception as error:  # noqa: BLE001  (whatever it was, the worker must go on)
            fault = error
        finally:
            heartbeat.ended()
        if heartbeat.is_ready:
            pause = FIRST_RETRY_SECONDS
        words = f"{type(fault).__name__}: {fault}"
        heartbeat.fault(words)
        expected = isinstance(fault, Unavailable)
        passes = expected and not isinstance(fault, BrokerRefused)
        _log.log(
            logging.WARNING if passes else logging.ERROR,
            "the worker met a fault and is run again",
            worker=worker.name,
            fault=words,
            pause=pause,
            exc_info=None if expected else fault,
        )
        await sleep(pause, heartbeat)
        pause = min(pause * 2, MAX_RETRY_SECONDS)


async def sleep(seconds: float, heartbeat: Heartbeat) -> None:
    """Sleeps and goes on beating: a pause is no standstill, and must not be taken for one."""
    while seconds > 0:
        await asyncio.sleep(min(seconds, HEARTBEAT_SECONDS))
        seconds -= HEARTBEAT_SECONDS
        heartbeat.beat()
