"""`checkout forget` and `checkout data-keys`: personal data and the keys that it is sealed with."""

from __future__ import annotations

from cli.data_keys import app as data_keys_app
from cli.forget.command import forget

__all__ = ["data_keys_app", "forget"]
