"""`checkout dead-letters`: what operators do with messages that were not understood."""

from __future__ import annotations

from cli.dead_letters.command import app

__all__ = ["app"]
