"""Runs `checkout forget`: shows what it would touch, asks, does it, and can be interrupted between baskets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from pydantic_core import from_json

from adapters.wiring import open_parts
from domain.operating.actions import Operator
from domain.operating.forgetting import Concerned, Forgotten, Person, TheseBaskets
from operations import runner
from operations.forgetting import screen
from operations.stopping import stopped

Document = dict[str, Any]


def run(whom: Person | TheseBaskets, operator: Operator, *, confirmed: bool) -> Forgotten | None:
    """What was done; None where it was not confirmed. Raises NothingToForget, NotConfigured, StoreUnavailable
    and UnusableMasterKeys."""
    # Asked between two loops: the first Ctrl-C at a question must end it, and a loop would keep it for itself.
    screen.show_concerned(runner.run(_concerned(whom)))
    if not confirmed and not screen.confirmed():
        return None
    return runner.run(_forget(whom, operator))


def basket_ids(again: Path | None) -> tuple[str, ...]:
    """The baskets that earlier runs printed. Raises typer.BadParameter where a line is none of theirs."""
    ids: dict[str, None] = {}
    lines = [] if again is None else again.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                ids.update(dict.fromkeys(from_json(line)["basketIds"]))
            except (ValueError, LookupError, TypeError) as error:
                raise typer.BadParameter(
                    f"line {number} of {again} was not printed by `forget --json`"
                ) from error
    if not ids:
        raise typer.BadParameter(f"{again} names no basket")
    return tuple(ids)


def document(forgotten: Forgotten, operator: Operator) -> Document:
    """All that is to be known of it later."""
    said: Document = forgotten.model_dump(mode="json", by_alias=True)
    return {**said, "actor": operator.actor, "reason": operator.reason}


async def _concerned(whom: Person | TheseBaskets) -> Concerned:
    async with open_parts(runner.settings()) as parts:
        return await parts.forgetting.concerned(whom)


async def _forget(whom: Person | TheseBaskets, operator: Operator) -> Forgotten:
    async with open_parts(runner.settings()) as parts, stopped() as stop:
        concerned = await parts.forgetting.concerned(whom)
        with screen.bar(concerned.baskets) as move:

            def go_on(done: int, total: int) -> bool:
                move(done)
                return not stop.is_set()

            return await parts.forgetting.forget(whom, operator, go_on)
