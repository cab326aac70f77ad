"""The data as plain rows; nothing here needs more than Python."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

LAST_WEEK = 53
MOST_OF_A_LINE = 9_999


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
    """A row of the data: so many of a product in a basket, paid with so many cents in all."""

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
    """A real basket: one line a product, in the order of the products."""

    id: int
    store: int
    week: int
    lines: tuple[GroceryLine, ...]

    @property
    def partner(self) -> str:
        return partner_of(self.store)


def partner_of(store: int) -> str:
    """The partner organisation that a store is."""
    return f"store-{store}"


def offer_id(product: int) -> str:
    return f"o-{product}"


def product_code(product: int) -> str:
    return f"SKU-{product}"


def merge_sales(sales: Collection[SaleRow]) -> list[GroceryBasket]:
    """The baskets of these rows, in the order of their ids. Rows of one product are one line. Lines that no
    basket of ours can hold (nothing, or more than 9,999) are left out, and baskets without lines."""
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
                if 1 <= quantity <= MOST_OF_A_LINE
            ),
        )
        for key, lines in sorted(quantities.items())
    )
    return [basket for basket in baskets if basket.lines]
