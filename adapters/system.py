"""What a process takes from its surroundings: the time, new ids, and the release that it is."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from uuid_utils import uuid7


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUID of version 7."""
    return str(uuid7())


def relax_garbage_collection() -> None:
    """For processes that serve or work for a long time, once they are ready.

    A request or a message hardly ever leaves a circle of objects. A search for circles in all caches takes a fifth of a
    second, in which nobody gets a response, and frequent searches take half of a projector's processor time.
    """
    gc.freeze()  # what exists by now stays
    gc.set_threshold(10_000, 20, 100)


def release() -> str:
    """The version of this release; 0 where the package is not installed."""
    try:
        return version("partner-checkout")
    except PackageNotFoundError:
        return "0"
