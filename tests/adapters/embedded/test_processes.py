"""Child processes end when they are told to, and never outlive the one who started them."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from adapters.embedded.processes import ChildProcess, ServerFailed, accepts_connections, free_port
from tests.servers.processes import Program, has_ended
from tests.servers.waiting import eventually

POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit(0)))
print("hello", flush=True)
signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("hello", flush=True)
while True:
    signal.pause()
"""
PARENT = """
import signal, sys
from pathlib import Path
from adapters.embedded.processes import ChildProcess
child = ChildProcess("the child", [sys.executable, "-c", "import signal; signal.pause()"], Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
signal.pause()
"""


def python(code: str, log: Path) -> ChildProcess:
    return ChildProcess("the program", [sys.executable, "-c", code], log)


async def said_hello(child: ChildProcess) -> None:
    child.start()
    await child.wait_until(lambda: "hello" in child.output(), limit=20)


async def test_a_stop_lets_a_child_clean_up(tmp_path: Path) -> None:
    child = python(POLITE, tmp_path / "log")
    await said_hello(child)
    await child.stop()
    assert child.exit_code == 0
    assert "bye" in child.output()
    assert has_ended(child.pid)


async def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    child = python(STUBBORN, tmp_path / "log")
    await said_hello(child)
    await child.stop(limit=0.1)
    assert child.exit_code == -signal.SIGKILL
    assert has_ended(child.pid)


async def test_a_child_can_be_started_again_and_appends_to_its_log(tmp_path: Path) -> None:
    child = python(POLITE, tmp_path / "log")
    await said_hello(child)
    await child.stop()
    await said_hello(child)
    await child.stop()
    assert (tmp_path / "log").read_text().split() == ["hello", "bye", "hello", "bye"]
    assert child.output().split() == ["hello", "bye"]


async def test_a_child_is_not_started_twice(tmp_path: Path) -> None:
    child = python(POLITE, tmp_path / "log")
    await said_hello(child)
    with pytest.raises(ServerFailed, match="runs already"):
        child.start()
    await child.stop()


async def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    child = python("import sys; sys.exit('no disk')", tmp_path / "log")
    child.start()
    with pytest.raises(ServerFailed, match=r"ended with exit code 1 before it was ready(.|\n)*no disk"):
        await child.wait_until(lambda: False, limit=20)


async def test_waiting_for_a_child_has_a_limit(tmp_path: Path) -> None:
    child = python(POLITE, tmp_path / "log")
    await said_hello(child)
    with pytest.raises(ServerFailed, match=r"was not ready after 0.1 s(.|\n)*hello"):
        await child.wait_until(lambda: False, limit=0.1)
    await child.stop()


async def test_a_missing_program_is_reported_by_name(tmp_path: Path) -> None:
    child = ChildProcess("the server", [str(tmp_path / "nothing-here")], tmp_path / "log")
    with pytest.raises(ServerFailed, match="the server cannot be run"):
        child.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    async with Program("-c", PARENT, tmp_path / "log") as parent:
        child = int(await parent.line())
        assert not has_ended(child)
        await parent.kill()
        await eventually(lambda: has_ended(child))


def test_a_free_port_can_be_listened_on_and_is_never_given_to_an_outgoing_connection() -> None:
    port = free_port()
    assert not accepts_connections(port)
    assert port < 32768
    with socket.create_server(("127.0.0.1", port)):
        assert accepts_connections(port)
