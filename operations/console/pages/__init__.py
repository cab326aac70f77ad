"""The console's pages, one module each."""

from __future__ import annotations

from operations.console.pages import (
    audit,
    basket,
    find,
    letter,
    letters,
    overview,
    rebuild,
    rebuilds,
    verdict,
)
from operations.console.visit import Console


def register(console: Console) -> None:
    """Makes the pages known to NiceGUI."""
    for page in (overview, find, basket, verdict, letters, letter, rebuilds, rebuild, audit):
        page.register(console)
