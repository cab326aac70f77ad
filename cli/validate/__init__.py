"""`checkout validate`: baskets judged again, and what catalogue facts would do to them. Changes nothing."""

from cli.validate.command import validate

__all__ = ["validate"]
