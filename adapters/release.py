"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The version of this release, as the package says it."""
    try:
        return version("partner-checkout")
    except PackageNotFoundError:
        return "0"
