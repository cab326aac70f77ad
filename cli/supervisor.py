"""Keeps child processes running, and waits until they are ready."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from adapters.embedded.processes import ChildProcess, ServerFailed

POLL_SECONDS = 0.1
SHORT_LIFE_SECONDS = 10.0
MAX_SHORT_LIVES = 4
MIN_PAUSE, MAX_PAUSE = 0.25, 4.0


async def keep_alive(child: ChildProcess, report: Callable[[str], None], *, must_start: bool = False) -> None:
    """Starts the child again whenever it ends, after a pause that doubles up to 4 s. Runs until it is cancelled.

    Raises ServerFailed, with the end of the child's log, after five lives in a row of less than 10 s each: what
    fails at its start will fail again. If the child `must_start`, its first life must not end that soon with an exit
    code of its own: it has said why.
    """
    short_lives = lives = 0
    while True:
        started = monotonic()
        child.start()
        # Asking for a process id costs microseconds, and works with every kind of event loop.
        while child.running:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        short_lives = short_lives + 1 if monotonic() - started < SHORT_LIFE_SECONDS else 0
        lives += 1
        if must_start and lives == short_lives == 1 and (child.exit_code or 0) > 0:
            raise child.failure(f"ended at its first start with exit code {child.exit_code}")
        if short_lives > MAX_SHORT_LIVES:
            raise child.failure(f"ended {short_lives} times soon after its start, the last time with {child.exit_code}")
        log = "" if child.log is None else f"; its log: {child.log}"
        report(f"{child.name} ended with exit code {child.exit_code} and is started again{log}")
        await asyncio.sleep(min(MIN_PAUSE * 2**short_lives, MAX_PAUSE))


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Does all at the same time. The first failure cancels the rest, and is raised without its group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def until_ready(port: int, limit: float) -> None:
    """Returns once `/health/ready` answers 200. After `limit` seconds raises ServerFailed with the last response."""
    last = "no answer"
    deadline = monotonic() + limit
    while monotonic() < deadline:
        status, last = await asyncio.to_thread(_get, port)
        if status == 200:
            return
        await asyncio.sleep(0.05)
    raise ServerFailed(f"http://127.0.0.1:{port}/health/ready did not become ready within {limit:g} s: {last}")


def _get(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        return response.status, response.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()
