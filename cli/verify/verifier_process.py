"""One of the processes that verify baskets. It verifies a page at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from adapters.container import Container, open_operator_container
from adapters.encryption.keys import MasterKeyMissing
from adapters.pool_process import end_with_parent
from adapters.settings import Settings
from domain.operators.verify.view_verifier import VerificationResult, ViewVerifier


async def verify_baskets(verification: ViewVerifier, basket_ids: Sequence[str]) -> VerificationResult:
    """Verifies these baskets; those whose personal data cannot be opened are counted, and not looked at. Raises
    StoreUnavailable."""
    try:
        return await verification.verify(basket_ids)
    except MasterKeyMissing:
        if len(basket_ids) == 1:
            return VerificationResult(unopened=1)
        half = len(basket_ids) // 2
        result = await verify_baskets(verification, basket_ids[:half])
        result.add(await verify_baskets(verification, basket_ids[half:]))
        return result


class _Verifier:
    """Lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._parts: Container = self._runner.run(
            self._stack.enter_async_context(open_operator_container(settings))
        )

    def page(self, basket_ids: Sequence[str]) -> VerificationResult:
        return self._runner.run(verify_baskets(self._parts.view_verifier, basket_ids))


_verifiers: list[_Verifier] = []


def begin(settings: Settings) -> None:
    """Makes this process ready for pages."""
    end_with_parent()
    _verifiers[:] = [_Verifier(settings)]


def verify_page(basket_ids: Sequence[str]) -> VerificationResult:
    """Raises StoreUnavailable."""
    return _verifiers[0].page(basket_ids)
