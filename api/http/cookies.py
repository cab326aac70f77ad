"""The header Cookie, read in one pass: callers without a token send it too."""

from __future__ import annotations


def cookie_values(header: str, name: str) -> list[str]:
    """The values of every cookie of this name, without their quotes; no other cookie is looked into."""
    pairs = (pair.partition("=") for pair in header.split(";"))
    return [value.strip().strip('"') for own, _, value in pairs if own.strip() == name]
