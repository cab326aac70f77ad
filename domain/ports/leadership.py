"""Leadership: at most one process holds a role at a time; others stand by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Lease(Protocol):
    """A role that this process holds."""

    async def confirm(self) -> None:
        """Raises LeadershipLost unless the role is still held."""


class Leadership(Protocol):
    def hold(self, role: str, waiting: Callable[[], None] = lambda: None) -> AbstractAsyncContextManager[Lease]:
        """Waits for the role, calls `waiting` about twice a second, and holds the role during the block. Raises
        StoreUnavailable."""
