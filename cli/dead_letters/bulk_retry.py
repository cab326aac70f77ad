"""A retry of many letters, which people may watch and interrupt."""

from __future__ import annotations

from dataclasses import dataclass, field

from cli.output import progress_bars
from cli.signals import stop_signal
from domain.operators.audit import Operator
from domain.operators.dead_letters.model import DeadLetterBox, DeadLetterQuery, ResolutionResult
from domain.shared.errors import Unavailable


@dataclass(slots=True)
class BulkRetryResult:
    """What became of each letter until the end, or until it was interrupted or a part was away (`error`)."""

    outcomes: list[ResolutionResult] = field(default_factory=list)
    error: str | None = None
    interrupted: bool = False


async def retry_many(
    box: DeadLetterBox, query: DeadLetterQuery, operator: Operator, *, shown: bool
) -> BulkRetryResult:
    """Retries letter by letter; an interruption is heard between two. Shows a bar on stderr."""
    retried, done = BulkRetryResult(), 0
    total = await _how_many(box, query)
    with progress_bars(shown=shown) as moved:
        async with stop_signal() as stop:
            try:
                async for outcome in box.retry_all(query, operator):
                    retried.outcomes.append(outcome)
                    done += 1 + len(outcome.along)
                    moved("retrying", done, total)
                    if stop.is_set():
                        retried.interrupted = True
                        break
            except Unavailable as error:
                retried.error = str(error)
    return retried


async def _how_many(box: DeadLetterBox, query: DeadLetterQuery) -> int | None:
    if query.basket_id is not None:
        return None
    return sum(
        each.count
        for each in await box.counts()
        if query.topic in (None, each.topic) and query.code in (None, each.code)
    )
