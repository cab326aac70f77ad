"""`checkout validate`: baskets judged again, and what catalogue facts would do to them. Changes nothing."""

from operations.validation.command import validate

__all__ = ["validate"]
