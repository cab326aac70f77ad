"""What `make demo` runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.parts.processes import descendants


async def test_the_demo_finds_everything_as_it_should_be_and_leaves_nothing_running(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "checkout", "demo", "--once", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(tmp_path / "issuer-key.pem")},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "Everything was as it should be" in output.decode()
    assert descendants(process.pid) == []
