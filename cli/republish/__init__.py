"""`checkout republish`: sends history again."""

from cli.republish.command import republish

__all__ = ["republish"]
