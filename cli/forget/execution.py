"""Runs `checkout forget`: shows what it would touch, asks, does it, and can be interrupted between baskets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from pydantic_core import from_json

from adapters.container import open_container
from cli import output, runner
from cli.forget import screen
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.signals import Interrupted, stop_signal
from domain.operators.audit import Operator
from domain.operators.erasure.erasure import (
    Attempt,
    BasketSelection,
    ErasureBatch,
    ErasureResult,
    Person,
)

Document = dict[str, Any]


def run(whom: Person | BasketSelection, operator: Operator, *, confirmed: bool) -> ErasureResult | None:
    """What was done; None where it was not confirmed. Raises NothingToErase, MissingSetting, StoreUnavailable
    and UnusableMasterKeys."""
    return runner.run_async(_run(whom, operator, confirmed=confirmed))


def basket_ids(again: Path | None) -> tuple[str, ...]:
    """The baskets that earlier runs printed. Raises typer.BadParameter where a line is none of theirs."""
    ids: dict[str, None] = {}
    try:
        lines = [] if again is None else again.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{again} was not printed by `forget --json`: it is no text") from error
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


def document(forgotten: ErasureResult, operator: Operator) -> Document:
    """All that is to be known of it later."""
    said: Document = forgotten.model_dump(mode="json", by_alias=True)
    return {**said, "actor": operator.actor, "reason": operator.reason}


async def _run(
    whom: Person | BasketSelection, operator: Operator, *, confirmed: bool
) -> ErasureResult | None:
    async with open_container(with_long_run_timeouts(runner.load_settings())) as parts:
        concerned = await parts.forgetting.concerned(whom)
        screen.show_concerned(concerned)
        if not confirmed and not output.confirm("Forget it for good?"):
            return None
        async with stop_signal() as stop:
            retrying = OutageRetry(stop, parts.settings.long_run_patience)
            retrying.under_way()
            with output.progress_bars() as moved:

                def go_on(done: int, total: int) -> bool:
                    moved("forgetting", done, total)
                    return not stop.is_set()

                async def persist(attempt: Attempt) -> ErasureBatch | None:
                    try:
                        return await retrying.do(attempt, stoppable=False)
                    except Interrupted:
                        return None

                return await parts.forgetting.forget(whom, operator, go_on, persist)
