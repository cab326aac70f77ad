"""Makes catalogue files and files of baskets from the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from benchmarks.journey import source
from benchmarks.journey.catalogue import Year
from benchmarks.journey.prices import Weekly, weekly_prices
from benchmarks.journey.rows import LAST_WEEK, Basket, Product, merged
from benchmarks.journey.weeks import Calendar


@cache
def all_prices() -> dict[int, Weekly]:
    return weekly_prices(source.sales())


def year(now_is_week: int, only: Sequence[Product] | None = None) -> Year:
    """The data's year, moved so that a week contains now; of all products, or `only` these."""
    calendar = Calendar(now_is_week, datetime.now(UTC).date())
    return Year(source.products() if only is None else only, all_prices(), calendar)


def most_sold(count: int) -> list[Product]:
    """The products that are in the most rows, in the order of their ids."""
    rows = Counter(sale.product for sale in source.sales())
    ranked = sorted(source.products(), key=lambda product: (-rows[product.id], product.id))
    return sorted(ranked[:count], key=lambda product: product.id)


def baskets(week: int, limit: int) -> Sequence[Basket]:
    """Real baskets: those of the week, and where `limit` is more (a week has about 3,000), those of the weeks
    after it, then those before it."""
    by_week: dict[int, list[Basket]] = {}
    for basket in merged(list(source.sales())):
        by_week.setdefault(basket.week, []).append(basket)
    weeks = [*range(week, LAST_WEEK + 1), *range(week - 1, 0, -1)]
    return [basket for week in weeks for basket in by_week.get(week, ())][:limit]
