"""`checkout archive`: moves baskets that are over into files, and brings them back."""

from cli.archive.command import app

__all__ = ["app"]
