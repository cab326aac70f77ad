"""What one unit of a product cost, by week."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, zip_longest
from statistics import median

from benchmarks.journey.records import SaleRow

Weekly = Mapping[int, int]
"""Cents by the weeks in which the product was sold, in order."""


def weekly_prices(sales: Iterable[SaleRow]) -> dict[int, Weekly]:
    """By product and week, the median of what was paid for one unit in whole cents, half a cent upwards; at
    least one cent. Rows in which nothing was sold or nothing paid say nothing about prices."""
    paid: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sale in sales:
        if sale.quantity > 0 and sale.cents > 0:
            paid[sale.product][sale.week].append(sale.cents / sale.quantity)
    return {
        product: {week: _whole_cents(median(weeks[week])) for week in sorted(weeks)}
        for product, weeks in sorted(paid.items())
    }


def periods(weekly: Weekly) -> Iterator[tuple[int, int | None, int]]:
    """From which week, until which (not included; None: for ever), how many cents. A week without a sale keeps
    the last known price: a price holds until the next week in which the product was sold. Before its first sale
    a product has no price."""
    for week, following in zip_longest(weekly, islice(weekly, 1, None)):
        yield week, following, weekly[week]


def decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _whole_cents(cents: float) -> int:
    return max(1, math.floor(cents + 0.5))
