"""The console's pages, one module each."""

from __future__ import annotations

from api.console.page_context import ConsoleContext
from api.console.pages import audit, basket, dead_letter, dead_letters, overview, rebuild, rebuilds, search, verdict


def register(console: ConsoleContext) -> None:
    """Makes the pages known to NiceGUI."""
    for page in (overview, search, basket, verdict, dead_letters, dead_letter, rebuilds, rebuild, audit):
        page.register(console)
