"""`checkout status`: how the service and each of its workers are. Changes nothing."""

from cli.status.command import status

__all__ = ["status"]
