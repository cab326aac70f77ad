"""One of the processes that verify baskets. It verifies a page at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from adapters.pool_process import belong_to_parent
from adapters.privacy.master_keys import MasterKeyMissing
from adapters.settings import Settings
from adapters.wiring import Parts, open_parts
from domain.operating.verification import Verification, Verified


async def verify_baskets(verification: Verification, basket_ids: Sequence[str]) -> Verified:
    """Verifies these baskets; those whose personal data cannot be opened are counted, and not looked at. Raises
    StoreUnavailable."""
    try:
        return await verification.verify(basket_ids)
    except MasterKeyMissing:
        if len(basket_ids) == 1:
            return Verified(unopened=1)
        half = len(basket_ids) // 2
        result = await verify_baskets(verification, basket_ids[:half])
        result.add(await verify_baskets(verification, basket_ids[half:]))
        return result


class _Verifier:
    """Lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._parts: Parts = self._runner.run(self._stack.enter_async_context(open_parts(settings)))

    def page(self, basket_ids: Sequence[str]) -> Verified:
        return self._runner.run(verify_baskets(self._parts.verification, basket_ids))


_verifiers: list[_Verifier] = []


def begin(settings: Settings) -> None:
    """Makes this process ready for pages."""
    belong_to_parent()
    _verifiers[:] = [_Verifier(settings)]


def verify_page(basket_ids: Sequence[str]) -> Verified:
    """Raises StoreUnavailable."""
    return _verifiers[0].page(basket_ids)
