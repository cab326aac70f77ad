"""`checkout status`: how the service is, and its workers each. Changes nothing."""

from cli.status.command import status

__all__ = ["status"]
