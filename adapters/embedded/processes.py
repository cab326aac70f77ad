"""Runs a server as a child process with a log file, and never leaves it behind."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TypeVar

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_POLL = 0.02
_TAIL = 30

T = TypeVar("T")
Condition = Callable[[], bool] | Callable[[], Awaitable[bool]]


class EmbeddedServerUnavailable(RuntimeError):
    """This machine lacks what the server needs. The message says what, and how to get it."""


class ServerFailed(RuntimeError):
    """A server failed or was not ready in time. The message ends with the last lines of its log."""


class ChildProcess:
    """One server and its log. Each start appends to the log; without one, it writes to this process's stderr.

    On Linux the child gets `death_signal` when the thread that started it ends; elsewhere a killed parent leaves it
    running. So start it from the event loop's thread, never from one of a pool. It has a session of its own: Ctrl-C
    in a terminal only reaches the parent, which decides in which order things stop.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path | None,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        inherited: Sequence[int] = (),
    ) -> None:
        """`environment` is added to this process's own. `user` is the system user to run as. The child gets the
        `inherited` file descriptors, under their numbers."""
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment or {})
        self._user = user
        self._stop_signal = stop_signal
        self._death_signal = death_signal
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Starts the server and returns at once. Raises ServerFailed where it already runs or cannot run."""
        if self.running:
            raise ServerFailed(f"{self.name} runs already, as process {self.pid}")
        with self._open_log() as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603  our own arguments
                    self._command,
                    env={**os.environ, **self._environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=self._inherited,
                    start_new_session=True,
                    # Another user may have no access to the parent's working folder.
                    cwd="/" if self._user else None,
                    user=self._user,
                    group=self._user,
                    extra_groups=[] if self._user else None,
                    # It makes one system call and takes no lock that another thread could hold.
                    preexec_fn=die_with_parent(self._death_signal),  # noqa: PLW1509
                )
            except OSError as error:
                raise ServerFailed(f"{self.name} cannot be run: {error}") from error

    def _open_log(self) -> AbstractContextManager[IO[bytes]]:
        if self.log is None:
            return nullcontext(sys.stderr.buffer)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        log = self.log.open("ab")
        self._log_start = log.seek(0, os.SEEK_END)
        return log

    @property
    def pid(self) -> int:
        """The process that was started last."""
        if self._process is None:
            raise ServerFailed(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while the process runs. Negative: the signal that ended it."""
        return self._process.poll() if self._process is not None else None

    def output(self) -> str:
        """The log since the last start; nothing without one."""
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def failure(self, what: str) -> ServerFailed:
        """An error with the end of the log."""
        if self.log is None:
            return ServerFailed(f"{self.name} {what}")
        tail = "\n".join(self.output().splitlines()[-_TAIL:])
        return ServerFailed(f"{self.name} {what}; the end of {self.log}:\n{tail or '(nothing was logged)'}")

    async def wait_until(self, condition: Condition, limit: float) -> None:
        """Returns once the condition holds. Raises ServerFailed where the process ends, or after `limit` seconds."""
        deadline = time.monotonic() + limit
        while not await _holds(condition):
            if not self.running:
                raise self.failure(f"ended with exit code {self.exit_code} before it was ready")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready after {limit:g} s")
            await asyncio.sleep(_POLL)

    async def stop(self, limit: float = 10.0) -> None:
        """Asks the process to end, and kills it after `limit` seconds."""
        await self._end(self._stop_signal, limit)

    async def kill(self) -> None:
        """Ends the process as a crash would."""
        await self._end(signal.SIGKILL, 0)

    async def _end(self, how: signal.Signals, limit: float) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        deadline = time.monotonic() + limit
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
            await asyncio.sleep(_POLL)


def free_port() -> int:
    """A free TCP port of 127.0.0.1.

    It lies below the range of outgoing connections (32768 and up on Linux). Otherwise a client that retries a
    stopped server's port may be given that very port, and then talks to itself.
    """
    for _ in range(200):
        # No secret: it only keeps apart processes that search at the same time.
        port = random.randrange(15_000, 32_000)  # noqa: S311
        if is_port_free(port):
            return port
    raise EmbeddedServerUnavailable("no free TCP port was found on 127.0.0.1 between 15000 and 32000")


def is_port_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do, so that connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts_connections(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_tool(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    working_folder: Path | None = None,
) -> None:
    """Runs a program to its end, for at most five minutes. `environment` is added to this process's own. Raises
    ServerFailed with the end of its output."""
    try:
        result = subprocess.run(  # noqa: S603  our own arguments
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **(environment or {})},
            cwd=working_folder,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(f"{name} did not end within {error.timeout:g} s") from error
    if result.returncode != 0:
        output = "\n".join((result.stdout + result.stderr).splitlines()[-_TAIL:])
        raise ServerFailed(f"{name} failed with exit code {result.returncode}:\n{output}")


async def run_in_thread(blocking: Callable[[], T]) -> T:
    """The result of a blocking function. A cancelled caller still waits for the function's end, so that nobody removes
    the folder that it works in."""
    work = asyncio.ensure_future(asyncio.to_thread(blocking))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """A `preexec_fn` with which a child gets this signal when the thread that starts it ends. None where the system
    cannot do that. It must run after the child changed its user, which would undo it."""
    if _LIBC is None:
        return None
    libc, number, parent = _LIBC, int(death_signal), os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call above
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


async def _holds(condition: Condition) -> bool:
    result = condition()
    return await result if inspect.isawaitable(result) else result
