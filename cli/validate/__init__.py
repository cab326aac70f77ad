"""`checkout validate`: validates baskets again, as they were or as if some facts were known. Changes nothing."""

from cli.validate.command import validate

__all__ = ["validate"]
