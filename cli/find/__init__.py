"""`checkout find`: baskets by what they are and what they hold. Changes nothing."""

from cli.find.command import find

__all__ = ["find"]
