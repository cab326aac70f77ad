"""`checkout status`: how the service is, and its workers each. Changes nothing."""

from operations.status.command import status

__all__ = ["status"]
