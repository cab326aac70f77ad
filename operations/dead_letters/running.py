"""A retry of many letters, which people may watch and interrupt."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.errors import Unavailable
from domain.operating.actions import Operator
from domain.operating.dead_letters import DeadLetterBox, LetterQuery, Outcome
from operations.stopping import stopped


@dataclass(slots=True)
class Retried:
    """What became of each letter until the end, or until it was interrupted or a part was away (`error`)."""

    outcomes: list[Outcome] = field(default_factory=list)
    error: str | None = None
    interrupted: bool = False


async def retry_many(box: DeadLetterBox, query: LetterQuery, operator: Operator, *, shown: bool) -> Retried:
    """Retries letter by letter; an interruption is heard between two. Shows a bar on stderr."""
    retried = Retried()
    columns = (TextColumn("retrying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task("", total=await _how_many(box, query))
        async with stopped() as stop:
            try:
                async for outcome in box.retry_all(query, operator):
                    retried.outcomes.append(outcome)
                    progress.advance(task, 1 + len(outcome.along))
                    if stop.is_set():
                        retried.interrupted = True
                        break
            except Unavailable as error:
                retried.error = str(error)
    return retried


async def _how_many(box: DeadLetterBox, query: LetterQuery) -> int | None:
    if query.basket_id is not None:
        return None
    return sum(
        each.count
        for each in await box.counts()
        if query.topic in (None, each.topic) and query.code in (None, each.code)
    )
