"""The processor time of other processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import psutil

Seconds = Mapping[tuple[int, str], float]
"""By process and thread."""


class ProcessorClock:
    """Measures the processor time of a process and all its children, from its last `lap` on.

    Linux counts the nanoseconds of each thread; elsewhere, and for children that ended since the last lap, the time has
    the system's resolution, often 10 ms. The time of a thread that ended in a process that goes on is lost.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._before = self._seconds()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, now = self._before, self._seconds()
        self._before = now
        # What a child had taken by the last lap stands in its parent's account now, with the rest, once it ended.
        alive = {pid for pid, _ in now}
        counted_before = sum(seconds for (pid, _), seconds in before.items() if pid not in alive)
        return sum(seconds - before.get(name, 0.0) for name, seconds in now.items()) - counted_before

    def _seconds(self) -> Seconds:
        found: dict[tuple[int, str], float] = {}
        for process in (self._root, *self._root.children(recursive=True)):
            found.update(_threads(process))
        return found


async def postgresql_clock(url: str) -> ProcessorClock:
    """The clock of the server behind the URL, which must run on this machine."""
    connection = await asyncpg.connect(url)
    try:
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        server = backend.parent()
    finally:
        await connection.close()
    if server is None:
        raise psutil.NoSuchProcess(backend.pid)
    return ProcessorClock(server.pid)


def _threads(process: psutil.Process) -> Seconds:
    """Of each thread, and of the children that ended; nothing of a process that is gone."""
    pid, tasks = process.pid, Path(f"/proc/{process.pid}/task")
    try:
        times = process.cpu_times()
        ended = {(pid, "children"): times.children_user + times.children_system}
        if not Path("/proc/self/schedstat").exists():
            return ended | {(pid, "all"): times.user + times.system}
        return ended | {
            (pid, task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks.iterdir()
        }
    except (OSError, psutil.Error):
        return {}
