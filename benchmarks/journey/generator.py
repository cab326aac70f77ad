"""Makes catalogue files and files of baskets from the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from benchmarks.journey import dataset
from benchmarks.journey.calendar import Calendar
from benchmarks.journey.catalogue import CatalogueYear
from benchmarks.journey.prices import Weekly, weekly_prices
from benchmarks.journey.records import (
    LAST_WEEK,
    GroceryBasket,
    GroceryProduct,
    merge_sales,
)


@cache
def all_prices() -> dict[int, Weekly]:
    return weekly_prices(dataset.sales())


def year(now_is_week: int, only: Sequence[GroceryProduct] | None = None) -> CatalogueYear:
    """The data's year, moved so that a week contains now; of all products, or `only` these."""
    calendar = Calendar(now_is_week, datetime.now(UTC).date())
    return CatalogueYear(dataset.products() if only is None else only, all_prices(), calendar)


def most_sold(count: int) -> list[GroceryProduct]:
    """The products that are in the most rows, in the order of their ids."""
    rows = Counter(sale.product for sale in dataset.sales())
    ranked = sorted(dataset.products(), key=lambda product: (-rows[product.id], product.id))
    return sorted(ranked[:count], key=lambda product: product.id)


def baskets(week: int, limit: int) -> Sequence[GroceryBasket]:
    """Real baskets: those of the week, and where `limit` is more (a week has about 3,000), those of the weeks
    after it, then those before it."""
    by_week: dict[int, list[GroceryBasket]] = {}
    for basket in merge_sales(list(dataset.sales())):
        by_week.setdefault(basket.week, []).append(basket)
    weeks = [*range(week, LAST_WEEK + 1), *range(week - 1, 0, -1)]
    return [basket for week in weeks for basket in by_week.get(week, ())][:limit]
