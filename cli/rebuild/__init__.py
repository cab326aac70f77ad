"""`checkout rebuild`: builds read models again while the service runs."""

from cli.rebuild.command import app

__all__ = ["app"]
