"""Runs commands that only read in a thread of this process, because starting a process takes longer than their work."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from typer.testing import CliRunner

from cli.commands import app
from tests.builders.shop import Shop
from tests.servers.checkout_command import CommandResult


async def run_in_process(shop: Shop, *arguments: object) -> CommandResult:
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], env=shop.environment)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return CommandResult(ended.exit_code, ended.stdout, ended.stderr)


async def run_for_json(shop: Shop, *arguments: object) -> list[Any]:
    """Each line of the output with --json."""
    ended = await run_in_process(shop, *arguments, "--json")
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]
