"""`checkout verify`: folds streams again and compares them with read models and topics."""

from cli.verify.command import verify

__all__ = ["verify"]
