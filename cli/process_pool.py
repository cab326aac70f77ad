"""Processes that share the pages of a long run, and pages whose results come back in order."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from domain.shared.errors import CheckoutError

if TYPE_CHECKING:
    # Not at run time: every process of a pool imports this module, and starts faster with less.
    from cli.outage_retry import OutageRetry

Task = TypeVar("Task")
Result = TypeVar("Result")
Submit = Callable[[Task], asyncio.Future[Result]]

PARENT_CHECK_SECONDS = 0.5

_worker: list[Callable[[Any], Any]] = []


class ProcessDied(CheckoutError):
    """A process of the pool ended in the middle; what was done until then is kept."""


class ProcessPool(Generic[Task, Result]):
    """Hands tasks to processes. Each has a worker of its own, which lives as long as the process."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def submit(self, task: Task) -> asyncio.Future[Result]:
        """The result of a worker's work, or what it raised."""
        return asyncio.get_running_loop().run_in_executor(self._executor, _work, task)


@asynccontextmanager
async def process_pool(
    processes: int, make_worker: Callable[[Callable[[], bool]], Callable[[Task], Result]], does: str
) -> AsyncIterator[ProcessPool[Task, Result]]:
    """A pool for the block. In each process `make_worker` makes the worker; it is given a function that says whether
    the block has ended. Both and all tasks are pickled. Raises ProcessDied, which names what a process `does`."""
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    executor = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(make_worker, ended))
    try:
        yield ProcessPool(executor)
    except BrokenProcessPool as error:
        raise ProcessDied(f"a process that {does} ended in the middle") from error
    finally:
        ended.set()
        await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)


async def results_in_order(
    tasks: AsyncIterator[Task], submit: Submit[Task, Result], ahead: int, retry: OutageRetry
) -> AsyncIterator[tuple[Task, Result]]:
    """Yields each task with its result, in the order of the tasks, while at most `ahead` of them are worked on. Does
    a task again that failed in an outage. Raises Interrupted, and what the work raises."""
    waiting: deque[tuple[Task, asyncio.Future[Result]]] = deque()

    async def next_result() -> tuple[Task, Result]:
        task, future = waiting.popleft()
        return task, await retry.finish(future, partial(submit, task))

    try:
        async for task in tasks:
            waiting.append((task, submit(task)))
            if len(waiting) >= ahead:
                yield await next_result()
        while waiting:
            yield await next_result()
    finally:
        for _, future in waiting:
            future.cancel()
        # Whatever else went wrong went wrong for the same reason.
        await asyncio.gather(*(future for _, future in waiting), return_exceptions=True)


def _begin(make_worker: Callable[[Callable[[], bool]], Callable[[Any], Any]], ended: Event) -> None:
    """Runs in the process first. Only the parent reacts to interrupts, and ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _worker[:] = [make_worker(ended.is_set)]


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


def _work(task: Any) -> Any:
    return _worker[0](task)
