"""`checkout forget` and `checkout data-keys`: personal data and the keys that it is sealed with."""

from __future__ import annotations

from operations.forgetting.command import forget
from operations.forgetting.data_keys import app as data_keys_app

__all__ = ["data_keys_app", "forget"]
