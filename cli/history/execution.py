"""What `checkout history`, `show` and `diff` do. Each returns the exit code; raises CheckoutError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from adapters.container import Container, open_container, utc_now
from cli.history import screen
from cli.output import (
    STDOUT,
    Output,
    echo_error,
    echo_json,
)
from cli.runner import INTERRUPTED, load_settings
from cli.signals import stop_signal
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.basket_diff import diff_baskets
from domain.operators.history.basket_json import basket_state_json
from domain.shared.errors import StoreUnavailable
from domain.shared.findings import Verdict
from domain.validation.verdict_diff import VerdictDiff, diff_verdicts

RETRY_SECONDS = 1.0

Tell = Callable[[HistoryEntry], None]

NOTHING_FOUND = Verdict(blocked_products=(), validation_errors=(), evidence=())


async def history(basket_id: str, after_version: int, *, json: bool) -> int:
    """Tells the events that are there."""
    async with open_container(load_settings()) as parts:
        entries = await parts.histories.entries(basket_id, after_version)
    tell = _tell(json=json)
    for entry in entries:
        tell(entry)
    return 0


async def follow(basket_id: str, after_version: int, *, json: bool) -> int:
    """Tells the events that are there and those that come, until SIGINT or SIGTERM."""
    async with open_container(load_settings()) as parts, stop_signal() as stop:
        telling = asyncio.ensure_future(_follow(parts, basket_id, after_version, _tell(json=json)))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not stop.is_set():
            telling.result()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return INTERRUPTED


async def _follow(parts: Container, basket_id: str, version: int, tell: Tell) -> None:
    """Without end; while PostgreSQL is away, which is said once, it waits."""
    there = True
    while True:
        try:
            async for entry in parts.following.follow(basket_id, version):
                tell(entry)
                version, there = entry.version, True
        except StoreUnavailable as error:
            if there:
                echo_error(f"{error}; waiting for it")
            there = False
            await asyncio.sleep(RETRY_SECONDS)


async def show(
    basket_id: str, at_version: int | None, as_of: datetime | None, *, json: bool, out: Output = STDOUT
) -> int:
    """Shows the basket as it is now, or was at a version or a moment."""
    async with open_container(load_settings()) as parts:
        if at_version is not None:
            standing = await parts.histories.at_version(basket_id, at_version)
        elif as_of is not None:
            standing = await parts.histories.as_of(basket_id, as_of)
        else:
            standing = await parts.histories.now(basket_id, utc_now())
    document = basket_state_json(standing)
    if json:
        echo_json(document)
    else:
        screen.show(document, out)
    return 0


async def diff(basket_id: str, before: int, after: int | None, *, json: bool) -> int:
    """Says what differs between two versions; None: the last."""
    async with open_container(load_settings()) as parts:
        one = await parts.histories.at_version(basket_id, before)
        other = (
            await parts.histories.at_version(basket_id, after)
            if after is not None
            else await parts.histories.last(basket_id)
        )
    found = diff_baskets(one.basket, other.basket)
    findings = diff_verdicts(
        one.verdict.verdict if one.verdict else NOTHING_FOUND,
        other.verdict.verdict if other.verdict else NOTHING_FOUND,
    )
    versions = (one.basket.version, other.basket.version)
    if json:
        echo_json(_diff_document(basket_id, versions, found, findings))
    else:
        screen.show_differences(basket_id, versions, found, findings)
    return 0


def _diff_document(
    basket_id: str, versions: tuple[int, int], found: object, findings: VerdictDiff
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
    return echo_json if json else screen.HistoryScreen().tell
