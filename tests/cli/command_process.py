"""The real command line, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.settings import Settings, variable_name

LIMIT = 120.0
"""Seconds; generous, since the machine may be busy."""

NAMED_BY_NOBODY = {variable_name(name): None for name in Settings.model_fields}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How it ended. `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str


def environment(given: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Of this process, without any setting of ours, and with what is given; None takes a variable away."""
    together = {**os.environ, **NAMED_BY_NOBODY, **(given or {})}
    return {name: value for name, value in together.items() if value is not None}


def command(*arguments: str | Path) -> Sequence[str]:
    return [sys.executable, "-m", "cli", *map(str, arguments)]


def run_checkout(
    folder: Path, *arguments: str | Path, given: Mapping[str, str | None] | None = None, stdin: str = ""
) -> CommandResult:
    """What `checkout` with these arguments says in this folder."""
    ended = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment({"PYTHONPATH": str(Path.cwd()), "COLUMNS": "200", **(given or {})}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return CommandResult(ended.returncode, ended.stdout, ended.stderr)


def interrupted(
    folder: Path, *arguments: str | Path, given: Mapping[str, str | None], after: str
) -> CommandResult:
    """What it says where Ctrl-C comes once it has written `after` to stdout; empty: at once."""
    with subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment({"PYTHONPATH": str(Path.cwd()), **given}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores SIGINT, and its children would.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read(len(after))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    return CommandResult(process.returncode, said + out, err)
