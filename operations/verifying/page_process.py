"""One of the processes that verify baskets. It verifies a page at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from adapters.settings import Settings
from adapters.wiring import Parts, open_parts
from domain.operating.verification import Verified

PARENT_LOOKED_FOR_EVERY = 1.0


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
    """Makes this process ready for pages. Interrupts are the parent's: it says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _verifiers[:] = [_Verifier(settings)]


def verify_page(basket_ids: Sequence[str]) -> Verified:
    """Raises StoreUnavailable."""
    return _verifiers[0].page(basket_ids)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_LOOKED_FOR_EVERY)
    os._exit(1)
