"""`checkout verify`: streams folded again, and compared with what was derived and published."""

from operations.verifying.command import verify

__all__ = ["verify"]
