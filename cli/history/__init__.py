"""`checkout history`, `checkout show` and `checkout diff`: a basket at every moment of it. Changes nothing."""

from cli.history.command import diff, history, show

__all__ = ["diff", "history", "show"]
