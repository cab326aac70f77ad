"""`checkout dead-letters`: what operators do with messages that were not understood."""

from __future__ import annotations

from operations.dead_letters.command import app

__all__ = ["app"]
