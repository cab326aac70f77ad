"""A child that ends is started again. One that ends at every start is given up with the reason."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.embedded.processes import ChildProcess, ServerFailed, free_port
from cli.supervisor import keep_alive, until_ready
from tests.servers.waiting import eventually


def python(code: str, log: Path) -> ChildProcess:
    return ChildProcess("the child", [sys.executable, "-c", code], log)


async def test_a_child_that_ends_is_started_again(tmp_path: Path) -> None:
    child = python("import signal; print('hello', flush=True); signal.pause()", tmp_path / "log")
    said: list[str] = []
    keeping = asyncio.ensure_future(keep_alive(child, said.append))
    await eventually(lambda: "hello" in child.output())
    first = child.pid
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: child.running and child.pid != first)
    assert [words for words in said if "exit code -9" in words]
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await child.stop()


async def test_a_child_that_ends_at_every_start_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = python("import sys; sys.exit('no such setting')", tmp_path / "log")
    said: list[str] = []
    with pytest.raises(ServerFailed, match=r"ended 5 times soon after its start(.|\n)*no such setting"):
        await keep_alive(child, said.append)
    assert len(said) == 4


async def test_waiting_for_readiness_has_a_limit_and_reports_the_last_response() -> None:
    with pytest.raises(ServerFailed, match=r"did not become ready within 0.2 s: .*refused"):
        await until_ready(free_port(), limit=0.2)
