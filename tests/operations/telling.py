"""The commands that only tell something, as operators run them, in a thread of this process: to start a process for
each would take longer than all that they do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from typer.testing import CliRunner

from checkout.command_line import app
from tests.operations.validating import Ended, Shop


async def told(shop: Shop, *arguments: object) -> Ended:
    """What `checkout` with these arguments says."""
    environment = {"CHECKOUT_DATABASE_URL": shop.url, "COLUMNS": "250"}
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], env=environment)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def told_in_json(shop: Shop, *arguments: object) -> list[Any]:
    """Each line of what it says with --json."""
    ended = await told(shop, *arguments, "--json")
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]
