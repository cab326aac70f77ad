"""The commands that only tell something, as operators run them, in a thread of this process: to start a process for
each would take longer than all that they do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from typer.testing import CliRunner

from cli.commands import app
from tests.cli.validate.shop import Ended, Shop


async def run_in_process(shop: Shop, *arguments: object) -> Ended:
    """What `checkout` with these arguments says."""
    environment = {"CHECKOUT_DATABASE_URL": shop.url, "COLUMNS": "250"}
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], env=environment)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def run_for_json(shop: Shop, *arguments: object) -> list[Any]:
    """Each line of what it says with --json."""
    ended = await run_in_process(shop, *arguments, "--json")
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]
