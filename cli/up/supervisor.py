"""Keeps a child process running, and asks it how it is."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from time import monotonic

from adapters.embedded.processes import ChildProcess, ServerFailed

POLL_SECONDS = 0.1
FAST_DEATH = 10.0
FAST_DEATHS_ALLOWED = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0

Say = Callable[[str], None]


async def keep_alive(child: ChildProcess, say: Say) -> None:
    """Starts the child again whenever it ends, after a pause that doubles up to 4 s. Runs until it is cancelled.

    Raises ServerFailed, with the end of the child's log, after five lives in a row of less than 10 s each: what
    fails at its start will fail again.
    """
    fast_deaths = 0
    while True:
        started = monotonic()
        child.start()
        # A look at a process id costs microseconds, and works for every kind of event loop.
        while child.running:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        fast_deaths = fast_deaths + 1 if monotonic() - started < FAST_DEATH else 0
        if fast_deaths > FAST_DEATHS_ALLOWED:
            raise child.failure(
                f"ended {fast_deaths} times soon after its start, the last time with {child.exit_code}"
            )
        say(f"{child.name} ended with exit code {child.exit_code} and is started again; its log: {child.log}")
        await asyncio.sleep(min(FIRST_PAUSE * 2**fast_deaths, LONGEST_PAUSE))


async def until_ready(port: int, limit: float) -> None:
    """Returns once `/health/ready` answers 200. Raises ServerFailed after `limit` seconds, with the last answer."""
    last = "no answer"
    deadline = monotonic() + limit
    while monotonic() < deadline:
        status, last = await asyncio.to_thread(_get, port)
        if status == 200:
            return
        await asyncio.sleep(0.05)
    raise ServerFailed(
        f"http://127.0.0.1:{port}/health/ready did not become ready within {limit:g} s: {last}"
    )


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
