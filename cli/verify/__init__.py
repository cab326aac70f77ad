"""`checkout verify`: streams folded again, and compared with what was derived and published."""

from cli.publish_after import publish_after
from cli.verify.command import verify

__all__ = ["publish_after", "verify"]
