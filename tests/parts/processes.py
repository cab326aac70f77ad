"""Processes as tests look at them."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import psutil

from adapters.embedded.processes import dying_with_parent


def gone(pid: int) -> bool:
    """Whether no such process runs; one that ended and that nobody has asked about yet does not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def descendants(pid: int) -> list[int]:
    """The process and all that it started, and what those started."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


class Program:
    """A Python process of its own, which tests may kill as they like. It never outlives the tests."""

    def __init__(self, code: str, *arguments: str | Path, environment: dict[str, str] | None = None) -> None:
        self._command = [sys.executable, "-c", code, *map(str, arguments)]
        self._environment = environment

    async def __aenter__(self) -> Program:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            preexec_fn=dying_with_parent(),
        )
        self.pid = self._process.pid
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def line(self, limit: float = 30.0) -> str:
        """The next line that it prints; empty where it ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(limit):
            return (await self._process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        """As a crash would."""
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
