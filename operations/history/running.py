"""What `checkout history`, `show` and `diff` do. Each returns the exit code; raises CheckoutError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from adapters.wiring import Parts, open_parts, utc_now
from domain.errors import StoreUnavailable
from domain.operating.differing import differences
from domain.operating.history import HistoryEntry
from domain.operating.showing import standing_document
from domain.validation.comparing import Difference, compare
from domain.validation.findings import Verdict
from operations.history import screen
from operations.output import STDOUT, Output, complain, json_line
from operations.runner import settings
from operations.stopping import EXIT_CODE_OF_AN_INTERRUPTION, stopped

RETRY_SECONDS = 1.0

Tell = Callable[[HistoryEntry], None]

NOTHING_FOUND = Verdict(blocked_products=(), validation_errors=(), evidence=())


async def history(basket_id: str, after_version: int, *, json: bool) -> int:
    """Tells the events that are there."""
    async with open_parts(settings()) as parts:
        entries = await parts.histories.entries(basket_id, after_version)
    tell = _tell(json=json)
    for entry in entries:
        tell(entry)
    return 0


async def follow(basket_id: str, after_version: int, *, json: bool) -> int:
    """Tells the events that are there and those that come, until SIGINT or SIGTERM."""
    async with open_parts(settings()) as parts, stopped() as stop:
        telling = asyncio.ensure_future(_follow(parts, basket_id, after_version, _tell(json=json)))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not stop.is_set():
            telling.result()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return EXIT_CODE_OF_AN_INTERRUPTION


async def _follow(parts: Parts, basket_id: str, version: int, tell: Tell) -> None:
    """Without end; while PostgreSQL is away, which is said once, it waits."""
    there = True
    while True:
        try:
            async for entry in parts.following.follow(basket_id, version):
                tell(entry)
                version, there = entry.version, True
        except StoreUnavailable as error:
            if there:
                complain(f"{error}; waiting for it")
            there = False
            await asyncio.sleep(RETRY_SECONDS)


async def show(
    basket_id: str, at_version: int | None, as_of: datetime | None, *, json: bool, out: Output = STDOUT
) -> int:
    """Shows the basket as it is now, or was at a version or a moment."""
    async with open_parts(settings()) as parts:
        if at_version is not None:
            standing = await parts.histories.standing_at(basket_id, at_version)
        elif as_of is not None:
            standing = await parts.histories.standing_as_of(basket_id, as_of)
        else:
            standing = await parts.histories.now(basket_id, utc_now())
    document = standing_document(standing)
    if json:
        json_line(document)
    else:
        screen.show(document, out)
    return 0


async def diff(basket_id: str, before: int, after: int | None, *, json: bool) -> int:
    """Says what differs between two versions; None: the last."""
    async with open_parts(settings()) as parts:
        one = await parts.histories.standing_at(basket_id, before)
        other = (
            await parts.histories.standing_at(basket_id, after)
            if after is not None
            else await parts.histories.last(basket_id)
        )
    found = differences(one.basket, other.basket)
    findings = compare(
        one.verdict.verdict if one.verdict else NOTHING_FOUND,
        other.verdict.verdict if other.verdict else NOTHING_FOUND,
    )
    versions = (one.basket.version, other.basket.version)
    if json:
        json_line(_diff_document(basket_id, versions, found, findings))
    else:
        screen.show_differences(basket_id, versions, found, findings)
    return 0


def _diff_document(
    basket_id: str, versions: tuple[int, int], found: object, findings: Difference
) -> dict[str, Any]:
    document: dict[str, Any] = to_jsonable_python(
        {
            "basket": basket_id,
            "fromVersion": versions[0],
            "toVersion": versions[1],
            "differences": found,
            "findings": {"gone": findings.gone, "new": findings.new},
        }
    )
    return document


def _tell(*, json: bool) -> Tell:
    return json_line if json else screen.HistoryScreen().tell
