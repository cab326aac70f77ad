"""`checkout catalogue`: what operators do with the catalogue."""

from __future__ import annotations

from cli.catalogue.command import app

__all__ = ["app"]
