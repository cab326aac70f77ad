"""One of the processes that judge baskets for a what-if. It judges a page at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

from adapters.container import Container, open_operator_container
from adapters.pool_process import end_with_parent
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


class _Judge:
    """Lives as long as the process: what it has read of the catalogue serves every page."""

    def __init__(self, task: WhatIfTask) -> None:
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

    def page(self, basket_ids: Sequence[str]) -> PageResult:
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


_judges: list[_Judge] = []


def initialize(task: WhatIfTask) -> None:
    """Makes this process ready for pages."""
    end_with_parent()
    # What a page leaves behind is no circle, and looking for circles in a whole catalogue takes a quarter
    # of the time.
    gc.disable()
    _judges[:] = [_Judge(task)]


def validate_page(basket_ids: Sequence[str]) -> PageResult:
    """Raises StoreUnavailable."""
    return _judges[0].page(basket_ids)
