"""What a partner organisation's baskets are judged by, beside the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """The terms that hold for one organisation."""

    price_expires_within: timedelta = timedelta(hours=24)
    """How long before its end a price is said to expire soon; that moment is included."""
    low_stock: int = 5
    """Fewer than these left are few."""
