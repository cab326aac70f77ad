"""`checkout verify`: streams folded again, and compared with what was derived and published."""

from operations.verifying.command import verify
from operations.verifying.going_on import publish_after

__all__ = ["publish_after", "verify"]
