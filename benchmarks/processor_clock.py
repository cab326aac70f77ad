"""The processor time of other processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import psutil


class ProcessorClock:
    """Measures the processor time of a process and all its children, from its last `lap` on.

    Linux counts the nanoseconds of each thread; elsewhere the time has the system's resolution, often 10 ms. The time
    of a thread that ended since the last lap is lost.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._before = self._seconds()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, now = self._before, self._seconds()
        self._before = now
        return sum(seconds - before.get(thread, 0.0) for thread, seconds in now.items())

    def _seconds(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
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


def _threads(process: psutil.Process) -> Mapping[str, float]:
    """Seconds by thread; nothing of a process that is gone."""
    tasks = Path(f"/proc/{process.pid}/task")
    try:
        if Path("/proc/self/schedstat").exists():
            return {
                f"{process.pid}/{task.name}": int((task / "schedstat").read_text().split()[0]) / 1e9
                for task in tasks.iterdir()
            }
        times = process.cpu_times()
        return {str(process.pid): times.user + times.system}
    except (OSError, psutil.Error):
        return {}
