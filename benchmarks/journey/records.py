"""Products, sales and baskets of the data set, as plain records; nothing here needs the extra `benchmark`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

LAST_WEEK = 53
MAX_QUANTITY = 9_999
"""Of a line of our baskets."""


@dataclass(frozen=True, slots=True)
class GroceryProduct:
    id: int
    type: str | None
    size: str | None

    @property
    def name(self) -> str:
        size = f", {self.size}" if self.size else ""
        return f"{(self.type or f'product {self.id}').capitalize()}{size}"


@dataclass(frozen=True, slots=True)
class SaleRow:
    """A row of the data set: a quantity of a product in a basket, and the cents paid for all of it."""

    basket: int
    store: int
    week: int
    product: int
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class GroceryLine:
    product: int
    quantity: int


@dataclass(frozen=True, slots=True)
class GroceryBasket:
    """A real basket: one line a product, ordered by product."""

    id: int
    store: int
    week: int
    lines: tuple[GroceryLine, ...]

    @property
    def partner(self) -> str:
        return partner_of(self.store)


def partner_of(store: int) -> str:
    """The partner organisation of a store."""
    return f"store-{store}"


def offer_id(product: int) -> str:
    return f"o-{product}"


def product_code(product: int) -> str:
    return f"SKU-{product}"


def merge_sales(sales: Collection[SaleRow]) -> list[GroceryBasket]:
    """The baskets of these rows, ordered by id. Rows of one product become one line. Leaves out lines with a quantity
    below 1 or above MAX_QUANTITY, and baskets without lines."""
    quantities: dict[tuple[int, int, int], dict[int, int]] = {}
    for sale in sales:
        lines = quantities.setdefault((sale.basket, sale.store, sale.week), {})
        lines[sale.product] = lines.get(sale.product, 0) + sale.quantity
    baskets = (
        GroceryBasket(
            *key,
            tuple(
                GroceryLine(product, quantity)
                for product, quantity in sorted(lines.items())
                if 1 <= quantity <= MAX_QUANTITY
            ),
        )
        for key, lines in sorted(quantities.items())
    )
    return [basket for basket in baskets if basket.lines]
