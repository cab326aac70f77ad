"""`checkout` commands as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.processes import die_with_parent
from adapters.settings import Settings, variable_name

LIMIT = 120.0
"""Seconds for a whole command on a busy machine."""

Environment = Mapping[str, str | None]
"""Variables to set; None removes one."""

NO_SETTINGS: Environment = {variable_name(name): None for name in Settings.model_fields}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended, and what it wrote. `code` is negative if a signal ended it."""

    code: int | None
    out: str
    err: str


def environment(given: Environment | None = None) -> dict[str, str]:
    """This process's environment without any setting of ours, with the given variables."""
    return _applied({**NO_SETTINGS, **(given or {})})


def environment_of(settings: Settings) -> dict[str, str | None]:
    """The variables by which a process of its own has these settings."""
    assert settings.database_url is not None
    return {
        "CHECKOUT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "CHECKOUT_KAFKA_DELIVERY": settings.kafka_delivery,
        "CHECKOUT_KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "CHECKOUT_KAFKA_REPLICATION_FACTOR": "1",
        "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": "20",
        "CHECKOUT_PUBLISHER_ID": settings.publisher_id,
        "COLUMNS": "250",
    }


def _applied(variables: Environment) -> dict[str, str]:
    return {name: value for name, value in {**os.environ, **variables}.items() if value is not None}


def command(*arguments: object) -> Sequence[str]:
    return [sys.executable, "-m", "cli", *map(str, arguments)]


async def start_checkout(
    *arguments: object, environment: Environment, program: Sequence[str] = ("-m", "cli")
) -> Process:
    """A command with these variables on top of this process's environment. It never outlives the tests."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *program, *map(str, arguments)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=_applied(environment),
        preexec_fn=die_with_parent(),
    )


async def finish(process: Process, stdin: str = "") -> CommandResult:
    """Waits for the end of a command that reads this text. Raises TimeoutError after LIMIT seconds."""
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), LIMIT)
    return CommandResult(process.returncode, out.decode(), err.decode())


async def run_command(*arguments: object, environment: Environment, stdin: str = "") -> CommandResult:
    return await finish(await start_checkout(*arguments, environment=environment), stdin)


async def run_with(settings: Settings, *arguments: object) -> CommandResult:
    return await run_command(*arguments, environment=environment_of(settings))


def run_checkout(
    folder: Path, *arguments: str | Path, given: Environment | None = None, stdin: str = ""
) -> CommandResult:
    """Runs a command in this folder, without any setting but the given ones."""
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


def interrupted(folder: Path, *arguments: str | Path, given: Environment, after: str) -> CommandResult:
    """Runs a command that gets Ctrl-C once it has written `after` to stdout; empty: at once."""
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
