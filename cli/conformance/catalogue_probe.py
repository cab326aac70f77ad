"""Waits until the service judges baskets by what the suite has published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from cli.conformance.answer import JsonObject
from cli.conformance.context import CaseContext, line
from cli.conformance.offers import OwnCatalogue
from domain.shared.errors import CheckoutError

LEARNS_WITHIN_SECONDS = 60.0
_EVERY_SECONDS = 0.25


class CatalogueNotLearned(CheckoutError):
    """The service does not judge baskets by the facts that were published."""


async def await_catalogue(context: CaseContext, own: OwnCatalogue) -> None:
    """Returns once the service knows the suite's offers, prices and products. Raises CatalogueNotLearned."""
    sellable = (own.plain, own.second, own.scarce, own.successor, own.fraction)
    parent = "00000000-0000-4000-8000-000000000001"

    async def ready(*items: Any) -> bool:
        return bool((await _verdict(context, *items))["ready"])

    async def mended(*items: Any) -> bool:
        return (await _verdict(context, *items))["remedy"] is not None

    await eventually(lambda: ready(*map(line, sellable), line(own.limited, 2)), "the offers")
    await eventually(lambda: ready(line(own.monthly), line(own.yearly)), "recurring prices")
    add_on = line(own.add_on, type="add_on", parentId=parent)
    await eventually(lambda: ready(line(own.plain, id=parent, type="offer"), add_on), "add-ons")
    await eventually(lambda: mended(line(own.superseded)), "the superseded version")
    await eventually(lambda: mended(line(own.elsewhere)), "the offer of another country")

    async def blocked() -> bool:
        return bool((await _verdict(context, line(own.blocked)))["blockedProducts"])

    await eventually(blocked, "the blocked product")


async def eventually(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Returns once it holds. Raises CatalogueNotLearned."""
    deadline = monotonic() + LEARNS_WITHIN_SECONDS
    while not await holds():
        if monotonic() > deadline:
            raise CatalogueNotLearned(
                f"--load-catalogue: {what} did not reach the service within {LEARNS_WITHIN_SECONDS:g} s; "
                "does its catalogue worker run, on this broker, and is this the organisation's market?"
            )
        await asyncio.sleep(_EVERY_SECONDS)


async def _verdict(context: CaseContext, *items: Any) -> JsonObject:
    """The verdict on a new basket with these items: lines keep what was known when they were added."""
    basket_id = await context.begin(*items)
    return (await context.validate(basket_id)).expect_status(200).json
