"""Prices planted into the real data: recurring ones, ones whose interval changes, ones in currencies with other minor
units, and ones that nobody can charge. The comparison computes them again in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks.journey.catalogue import CURRENCY, FactRow
from benchmarks.journey.records import GroceryBasket, offer_id

CURRENCIES = {3: "JPY", 7: "KWD"}
"""The currency of stores, by the last digit of their number; of all others, that of the data."""

WORTH = {"USD": Decimal("0.01"), "JPY": Decimal("0.5"), "KWD": Decimal("0.001")}
"""What a cent of the data becomes in each currency. Half a yen cannot be charged."""

INTERVALS: Mapping[int, tuple[str | None, str | None]] = {8: ("P1M", "P1M"), 9: (None, "P1M"), 10: ("P1Y", "P1Y")}
"""The interval of a price in the week of the run and in the next, by the kind of a product."""

TOO_FINE = 11
"""The kind of products that cost half a cent more."""


def currency_of(store: int) -> str:
    return CURRENCIES.get(store % 10, CURRENCY)


@dataclass(frozen=True, slots=True)
class PlantedRates:
    """`kinds` has the kind of each bought product, `bought` the products of the stores that pay in another currency."""

    kinds: Mapping[int, int] = field(default_factory=dict)
    bought: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def plant(cls, bought: Sequence[int], baskets: Iterable[GroceryBasket], every: int) -> PlantedRates:
        products: dict[str, set[int]] = {currency: set() for currency in CURRENCIES.values()}
        for basket in baskets:
            if (currency := currency_of(basket.store)) in products:
                products[currency].update([line.product for line in basket.lines])
        kinds = {product: index % every for index, product in enumerate(bought)}
        return cls(kinds, {currency: frozenset(ids) for currency, ids in products.items()})

    def interval(self, product: int, *, next_week: bool) -> str | None:
        return INTERVALS.get(self.kinds.get(product, 0), (None, None))[next_week]

    def amount(self, product: int, cents: int, currency: str) -> str:
        half = Decimal("0.5") if self.kinds.get(product) == TOO_FINE else Decimal(0)
        return f"{(cents + half) * WORTH[currency]:f}"

    def into(self, product: int, rows: Iterable[FactRow], *, next_week: bool) -> Iterator[FactRow]:
        """The rows with the product's prices at their rates, in each currency in which somebody buys it."""
        foreign = [currency for currency, products in self.bought.items() if product in products]
        for row in rows:
            if row["kind"] != "price":
                yield row
                continue
            assert row["offerId"] == offer_id(product)
            cents = int(Decimal(row["amount"]) * 100)
            interval = self.interval(product, next_week=next_week)
            for currency in (CURRENCY, *foreign):
                amount = self.amount(product, cents, currency)
                yield {**row, "currency": currency, "amount": amount, "interval": interval}
