"""What `make demo` runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


async def test_the_demo_finds_everything_as_it_should_be_and_leaves_nothing_running(tmp_path: Path) -> None:
    key_file = str(tmp_path / "issuer-key.pem")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "checkout", "demo", "--once", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "CHECKOUT_LOCAL_ISSUER_KEY_FILE": key_file},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "Everything was as it should be" in output.decode()
    assert list(processes_with(key_file)) == []


def processes_with(key_file: str) -> Iterator[psutil.Process]:
    """Those that were started with this issuer key, however far they are from who started them."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("CHECKOUT_LOCAL_ISSUER_KEY_FILE") == key_file:
                yield process
