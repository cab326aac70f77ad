"""The console's pages, one module each."""

from __future__ import annotations

from operations.console.pages import audit, overview
from operations.console.visit import Console


def register(console: Console) -> None:
    """Makes the pages known to NiceGUI."""
    for page in (overview, audit):
        page.register(console)
