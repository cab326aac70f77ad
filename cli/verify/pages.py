"""All baskets, page by page in the order of their ids, verified by several processes or by this one."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

from adapters.container import Container
from cli.outage_retry import OutageRetry
from cli.verify.verifier_process import begin, verify_baskets, verify_page
from domain.operators.verify.view_verifier import VerificationResult
from domain.shared.errors import CheckoutError

Verify = Callable[[Sequence[str]], asyncio.Future[VerificationResult]]
"""Begins to verify some baskets."""

IdsAfter = Callable[[str], Awaitable[tuple[Sequence[str], str | None]]]
"""The next baskets after an id, and the last id looked at, None at the end."""


class VerifierProcessDied(CheckoutError):
    """A process that verified baskets ended; what was found until then is in the state."""


@contextmanager
def verifiers(processes: int, parts: Container) -> Iterator[Verify]:
    """So many processes for the block; one is this one. Raises ProcessDied where one ends in the middle."""
    if processes == 1:
        yield lambda basket_ids: asyncio.ensure_future(verify_baskets(parts.view_verifier, basket_ids))
        return
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=begin, initargs=(parts.settings,)
    ) as pool:
        try:
            yield lambda basket_ids: loop.run_in_executor(pool, verify_page, basket_ids)
        except BrokenProcessPool as error:
            raise VerifierProcessDied("a process that verified baskets ended in the middle") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class VerificationPages:
    """Hands out pages, and gives back what became of them in their order."""

    def __init__(self, ids_after: IdsAfter, verify: Verify, ahead: int, retrying: OutageRetry) -> None:
        """At most `ahead` pages are under way at a time; what fails for an outage is done again, page by page."""
        self._ids_after = ids_after
        self._verify = verify
        self._most = ahead
        self._retrying = retrying

    async def after(self, basket_id: str) -> AsyncIterator[tuple[Sequence[str], str, VerificationResult]]:
        """Each page with the last id looked at. Raises Interrupted, and what verifying raises."""
        ahead: deque[tuple[Sequence[str], str, asyncio.Future[VerificationResult]]] = deque()
        reached: str | None = basket_id
        try:
            while reached is not None or ahead:
                while reached is not None and len(ahead) < self._most:
                    ids, reached = await self._retrying.do(partial(self._ids_after, reached))
                    if reached is not None:
                        ahead.append((ids, reached, self._verify(ids)))
                if ahead:
                    page, last, future = ahead.popleft()
                    yield page, last, await self._retrying.finish(future, partial(self._verify, page))
        finally:
            for _, _, future in ahead:
                future.cancel()
            # What else went wrong went wrong for the same reason.
            await asyncio.gather(*(future for _, _, future in ahead), return_exceptions=True)
