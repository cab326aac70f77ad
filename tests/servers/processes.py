"""Processes as tests look at them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from adapters.embedded.processes import die_with_parent

STOP_LIMIT = 120.0
"""Seconds; generous, since the machine may be busy."""


def has_ended(pid: int) -> bool:
    """Whether no such process runs; one that ended and that nobody has asked about yet does not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def descendants(pid: int) -> list[int]:
    """The process and all that it started, and what those started."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def _heeding_ctrl_c() -> Callable[[], None]:
    """Makes a child ready: tests that run in the background ignore SIGINT, and so would what they start."""
    dying = die_with_parent()

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if dying is not None:
            dying()

    return prepare


class Program:
    """A Python process of its own, which tests may kill as they like. It never outlives the tests."""

    def __init__(self, *arguments: str | Path, environment: Mapping[str, str | None] | None = None) -> None:
        """`environment` comes on top of this process's own; None takes a variable away."""
        self._command = [sys.executable, *map(str, arguments)]
        together = {**os.environ, **(environment or {})}
        self._environment = {name: value for name, value in together.items() if value is not None}

    async def __aenter__(self) -> Program:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            preexec_fn=_heeding_ctrl_c(),
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
        self._process.kill()
        await self._process.wait()

    async def stop(self, how: signal.Signals = signal.SIGTERM, limit: float = STOP_LIMIT) -> int:
        """Asks it to end, and gives its exit code. Raises TimeoutError after `limit` seconds."""
        self._process.send_signal(how)
        return await self.end(limit)

    async def end(self, limit: float = 30.0) -> int:
        """Its exit code once it has ended by itself."""
        async with asyncio.timeout(limit):
            return await self._process.wait()

    async def output(self) -> str:
        """What it wrote to stdout and nobody read, once it has ended."""
        assert self._process.stdout is not None
        return (await self._process.stdout.read()).decode()

    async def errors(self) -> str:
        """What it wrote to stderr, once it has ended."""
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()
