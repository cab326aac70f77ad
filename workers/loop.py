"""Keeps workers running: a worker that meets a fault is run again from its start, later each time."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import structlog

from domain.errors import BrokerRefused, Unavailable
from workers.pulse import Pulse

__all__ = ["Pulse", "Worker", "keep_running", "rest"]

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
BEAT_EVERY_SECONDS = 1.0

_log = structlog.get_logger("workers.loop")


class Worker(Protocol):
    """Does one kind of work for as long as its process lives."""

    name: str

    async def run(self, pulse: Pulse) -> None:
        """Works until it is cancelled. Any exception is a fault, after which `run` is called again: it
        must begin from what is stored, never from what the last call left in memory."""


async def keep_running(worker: Worker, pulse: Pulse) -> None:
    """Runs the worker until cancelled. After a fault it is run again, at first after a quarter of a
    second, then twice as long each time up to ten, until it has been ready again."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await worker.run(pulse)
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
            pulse.ended()
        if pulse.is_ready:
            pause = FIRST_PAUSE_SECONDS
        words = f"{type(fault).__name__}: {fault}"
        pulse.fault(words)
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
        await rest(pause, pulse)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def rest(seconds: float, pulse: Pulse) -> None:
    """Sleeps and goes on beating: a pause is no standstill, and must not be taken for one."""
    while seconds > 0:
        await asyncio.sleep(min(seconds, BEAT_EVERY_SECONDS))
        seconds -= BEAT_EVERY_SECONDS
        pulse.beat()
