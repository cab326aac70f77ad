"""An archive that holds nothing."""

from __future__ import annotations

from collections.abc import Collection


async def nothing_archived(basket_ids: Collection[str]) -> Collection[str]:
    """Brings nothing back."""
    return ()
