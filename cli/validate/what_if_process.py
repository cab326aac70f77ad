"""Validates pages of baskets for a what-if, in a process of the pool."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

from adapters.container import Container, open_operator_container
from cli.outage_retry import with_long_run_timeouts
from cli.runner import load_settings
from domain.basket.basket import Basket
from domain.basket.references import references_of
from domain.basket.repository import BasketRepository
from domain.catalogue.facts import Fact
from domain.validation.what_if import WhatIfValidator


@dataclass(frozen=True, slots=True)
class WhatIfTask:
    """What all pages of one run are judged by. `partner` is the organisation whose baskets count; None: all."""

    facts: Sequence[Fact]
    touched: frozenset[str]
    position: int
    at: datetime
    partner: str | None


@dataclass(slots=True)
class PageResult:
    """What became of a page; `becomes_not_ready` holds a basket's id, its organisation and the codes."""

    judged: int = 0
    stays_ready: int = 0
    was_not_ready: int = 0
    unreadable: list[str] = field(default_factory=list)
    becomes_not_ready: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)


class PageValidator:
    """Lives as long as the process: what it has read of the catalogue serves every page."""

    def __init__(self, task: WhatIfTask, _: Callable[[], bool]) -> None:
        # Pages leave no cycles behind, and looking for cycles in a whole catalogue takes a quarter of the time.
        gc.disable()
        self._task = task
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._parts: Container = self._runner.run(
            self._stack.enter_async_context(open_operator_container(with_long_run_timeouts(load_settings())))
        )
        # As they are stored: no check looks at what is sealed.
        self._baskets = BasketRepository(self._parts.raw_event_store, cache_lines=1)
        self._supposition = WhatIfValidator(
            task.facts,
            self._parts.catalogue_history,
            task.position,
            task.at,
            self._parts.settings.validation_policy,
        )

    def __call__(self, basket_ids: Sequence[str]) -> PageResult:
        """Raises StoreUnavailable."""
        return self._runner.run(self._page(basket_ids))

    async def _page(self, basket_ids: Sequence[str]) -> PageResult:
        result = PageResult()
        loaded = await self._baskets.load_many(basket_ids)
        result.unreadable += [id for id, basket in zip(basket_ids, loaded, strict=True) if basket is None]
        baskets = [basket for basket in loaded if basket is not None and self._counts(basket)]
        await self._supposition.prepare(baskets)
        for basket in baskets:
            supposed = self._supposition.consequence_for(basket)
            result.judged += 1
            match supposed.consequence:
                case "stays_ready":
                    result.stays_ready += 1
                case "was_not_ready":
                    result.was_not_ready += 1
                case "becomes_not_ready":
                    result.becomes_not_ready.append((basket.id, basket.partner, supposed.codes))
        return result

    def _counts(self, basket: Basket) -> bool:
        """A basket may have ended, or changed, since its view."""
        ours = self._task.partner in (None, basket.partner)
        return ours and not references_of(basket).isdisjoint(self._task.touched)
