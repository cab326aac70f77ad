"""`checkout republish`: history, sent again."""

from __future__ import annotations

from cli.republish.command import republish

__all__ = ["republish"]
