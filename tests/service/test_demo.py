"""The demo, as `make demo` runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from adapters.embedded.processes import die_with_parent
from cli.demo.next_steps import order_service_examples

LIMIT = 240.0
"""Seconds; generous, since the machine may be busy."""


def offered(output: str) -> tuple[list[str], list[str]]:
    """The addresses and commands that are printed on lines of their own."""
    lines = output.splitlines()
    addresses = [line for line in lines if re.fullmatch(r"https?://\S+", line)]
    commands = [line for line in lines if re.match(r"curl |\S*checkout |\S+ -m cli ", line)]
    return addresses, commands


async def demo(tmp_path: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "demo", "--port", "0", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(tmp_path / "issuer-key.pem")},
        # A failing test leaves no service behind.
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


async def test_the_demo_succeeds_and_leaves_nothing_running(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--once")
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "Everything was as it should be" in output
    assert list(processes_with(str(tmp_path / "issuer-key.pem"))) == []
    assert offered(output) == ([], []), "it offers nothing of a service that is gone"
    assert "The service is stopped" in output


async def test_every_printed_address_and_command_works_while_the_demo_serves(tmp_path: Path) -> None:
    process = await demo(tmp_path)
    try:
        await try_printed_commands(process)
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert process.returncode == 0
    assert "The service is stopped" in rest.decode()
    assert list(processes_with(str(tmp_path / "issuer-key.pem"))) == []


async def try_printed_commands(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    output = ""
    async with asyncio.timeout(LIMIT):
        while "Serving until Ctrl-C" not in output:
            line = (await process.stdout.readline()).decode()
            assert line, output
            output += line
    addresses, commands = offered(output)
    assert len(addresses) >= 2
    assert len([command for command in commands if not command.startswith("curl")]) == 3
    servers, *examples = order_service(output)
    assert len(examples) == len(order_service_examples())
    commands.append(f'{servers}; test -n "$CHECKOUT_KAFKA_BOOTSTRAP_SERVERS"')
    commands += [f"{servers}; timeout --signal=TERM 25 {example} | grep -m 1 basket-" for example in examples]
    async with httpx.AsyncClient(follow_redirects=True, timeout=60) as client:
        for address in addresses:
            assert (await client.get(address)).status_code == 200, address
    for command in commands:
        shell = await asyncio.create_subprocess_shell(
            command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await shell.communicate()
        assert shell.returncode == 0, f"{command}: {said.decode()}"
        assert not command.startswith("curl") or b'"id"' in said


def order_service(output: str) -> list[str]:
    """The printed commands of an order service: the one that names the servers, and the examples."""
    return [line for line in output.splitlines() if line.startswith("eval ") or "/examples/" in line]


def processes_with(key_file: str) -> Iterator[psutil.Process]:
    """All processes with this issuer key, also those that the demo did not start itself."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("CHECKOUT_LOCAL_ISSUER_KEY_FILE") == key_file:
                yield process
