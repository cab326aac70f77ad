"""The README's "Use it", word for word, except for the port, which another program may use."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from adapters.embedded.processes import free_port
from tests.servers.checkout_command import environment
from tests.servers.postgres import postgres_folder
from tests.servers.processes import Program
from tests.servers.waiting import eventually

ROOT = Path(__file__).parent.parent.parent
LIMIT = 240.0
"""Seconds, for a busy machine."""


def blocks() -> list[str]:
    """The commands of the first shell and of the second."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Use it\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


async def shell(folder: Path, script: str, issuer_key: Path) -> tuple[int, str]:
    """The exit code and the output."""
    bin_folder = str(Path(sys.executable).parent)
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-ec", script),
        cwd=folder,
        env=environment(
            {
                "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
                "COLUMNS": "250",
                "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(issuer_key),
            }
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_what_the_readme_says_works_word_for_word() -> None:
    first, second = blocks()
    assert first.splitlines()[1].startswith("checkout up ")
    port = str(free_port())
    with postgres_folder() as folder:
        folder.mkdir()
        # Replaces a clone and its installation.
        (folder / "cli").symlink_to(ROOT / "cli")
        key = folder / "issuer-key.pem"
        program = Program(
            *("-m", "cli", "up", "--port", port, "--data", folder / ".checkout"),
            environment={**environment({"CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(key)})},
        )
        async with program:
            while "In another shell" not in (line := await program.line(LIMIT)):
                assert line, await program.errors()
            looked, *lines, last = second.replace(":8080/", f":{port}/").strip().split("\n")

            async def well() -> bool:
                return (await shell(folder, looked, key))[0] == 0

            # Workers report every two seconds.
            await eventually(well, limit=LIMIT)
            code, said = await shell(folder, "\n".join(lines), key)
            assert code == 0, said
            assert said.count('"id"') >= 2
            (basket,) = set(re.findall(r"basket-[0-9a-f-]{36}", said))

            async def found() -> bool:
                return basket in (await shell(folder, last, key))[1]

            await eventually(found, limit=LIMIT)
            assert await program.stop() == 0
