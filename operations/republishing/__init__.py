"""`checkout republish`: history, sent again."""

from __future__ import annotations

from operations.republishing.command import republish

__all__ = ["republish"]
