"""A reader of the pages: a shell in a folder like a clone after its installation, beside a running service."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.processes import die_with_parent
from tests.page_blocks import Block
from tests.servers.checkout_command import environment
from tests.service.checkout_process import CheckoutService

ROOT = Path(__file__).parents[2]
LIMIT = 120.0
"""Seconds for one block; generous, since the machine may be busy."""


@dataclass(frozen=True, slots=True)
class ReaderShell:
    """`setup` goes before every script, as in one shell."""

    folder: Path
    service: CheckoutService
    setup: str = ""

    def prepare(self, node_modules: Path | None) -> None:
        """Replaces a clone and its installation."""
        (self.folder / ".venv" / "bin").mkdir(parents=True)
        (self.folder / ".venv" / "bin" / "activate").touch()
        for name in ("cli", "docs"):
            (self.folder / name).symlink_to(ROOT / name)
        example = self.folder / "clients" / "node-example"
        shutil.copytree(ROOT / "clients" / "node-example", example, ignore=shutil.ignore_patterns("node_modules"))
        (self.folder / "clients" / "python").symlink_to(ROOT / "clients" / "python")
        if node_modules is not None:
            (example / "node_modules").symlink_to(node_modules)

    async def follow(self, block: Block) -> str:
        """Does with a block of a page what its mark says. Returns what it printed."""
        if name := block.options.get("file"):
            (self.folder / name).write_text(block.text, encoding="utf-8")
            return ""
        return await self.run(block.text, until=block.options.get("until"))

    async def run(self, script: str, *, until: str | None = None) -> str:
        """What a script prints until it ends; `until` stops it once a line holds the text. Raises AssertionError if it
        fails, ends before, or takes too long."""
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-ec", f"{self.setup}\n{script}"),
            cwd=self.folder,
            env=environment({"PATH": self._path, "CHECKOUT_DATA": self.service.data, "PYTHONUNBUFFERED": "1"}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=32 * 1024 * 1024,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        assert process.stdout is not None
        lines: list[str] = []
        try:
            async with asyncio.timeout(LIMIT):
                while line := (await process.stdout.readline()).decode():
                    lines.append(line)
                    if until is not None and until in line:
                        return "".join(lines)
                code = await process.wait()
        except TimeoutError:
            raise AssertionError(f"{script!r} printed only {''.join(lines)!r}") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGTERM)
                await process.wait()
        assert (code, until) == (0, None), f"{script!r} ended with {code}: {''.join(lines)}"
        return "".join(lines)

    @property
    def _path(self) -> str:
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def setup_of(blocks: Sequence[Block]) -> str:
    return "".join(block.text for block in blocks if block.is_setup)


def event_lines(printed: str) -> Sequence[tuple[str, str]]:
    """Basket and version of each event that the Node example printed."""
    found, basket = [], ""
    for line in printed.splitlines():
        if begun := re.match(r"(basket-\S+) of ", line):
            basket = begun[1]
        elif event := re.match(r"  (\d+) checkout\.", line):
            found.append((basket, event[1]))
    return found
