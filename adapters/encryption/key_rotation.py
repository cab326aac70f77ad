"""Wraps the keys of baskets anew, so that an old master key is needed no longer."""

from __future__ import annotations

from collections.abc import Callable

from adapters.encryption.keys import MasterKeys
from domain.ports.data_keys import RewrappedKeys

PAGE = 1_000


async def rewrap_keys(
    keys: RewrappedKeys, master: MasterKeys, progress: Callable[[int], bool] = lambda done: True
) -> int:
    """Has every key wrapped by the first master key, and returns how many were not. `progress` is told how many
    are done, and says whether to go on; the same call again does the rest. What is sealed stays as it is.

    Raises StoreUnavailable, also as MasterKeyMissing where the master key of one is not there.
    """
    done = 0
    while page := await keys.wrapped_by_other_keys(master.first, PAGE):
        await keys.rewrap([(key, master.wrap(key.id, key.basket_id, master.unwrap(key))) for key in page])
        done += len(page)
        if not progress(done):
            break
    return done
