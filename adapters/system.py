"""What a process takes from its surroundings: the time, new ids, and the release that it is."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from uuid_utils import uuid7


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUID of version 7."""
    return str(uuid7())


def release() -> str:
    """The version of this release; 0 where the package is not installed."""
    try:
        return version("partner-checkout")
    except PackageNotFoundError:
        return "0"
