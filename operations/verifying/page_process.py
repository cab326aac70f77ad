"""One of the processes that verify baskets. It verifies a page at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from adapters.pool_process import belong_to_parent
from adapters.settings import Settings
from adapters.wiring import Parts, open_parts
from domain.operating.verification import Verified


class _Verifier:
    """Lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._parts: Parts = self._runner.run(self._stack.enter_async_context(open_parts(settings)))

    def page(self, basket_ids: Sequence[str]) -> Verified:
        return self._runner.run(self._parts.verification.verify(basket_ids))


_verifiers: list[_Verifier] = []


def begin(settings: Settings) -> None:
    """Makes this process ready for pages."""
    belong_to_parent()
    _verifiers[:] = [_Verifier(settings)]


def verify_page(basket_ids: Sequence[str]) -> Verified:
    """Raises StoreUnavailable."""
    return _verifiers[0].page(basket_ids)
