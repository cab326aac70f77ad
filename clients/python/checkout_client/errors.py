"""The root of everything that this package raises on purpose."""

from __future__ import annotations


class CheckoutClientError(Exception):
    """The base of this package's errors."""
