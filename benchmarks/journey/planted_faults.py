"""What is planted into the real data, so that there is something to find: products that the catalogue leaves
out, and availability that changes before the baskets are validated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.journey.catalogue import IN_STOCK, Row, availability_row
from benchmarks.journey.records import GroceryBasket, partner_of

EVERY = 40
"""Of so many products that somebody bought, one is left out and one each is planted a change."""


@dataclass(frozen=True, slots=True)
class AvailabilityChange:
    """What becomes of a product's availability, everywhere or for one store."""

    product: int
    store: int | None
    status: str
    quantity: int | None

    def row(self) -> Row:
        where = {} if self.store is None else {"partner": partner_of(self.store)}
        reason = "recalled by the maker" if self.status == "blocked" else None
        return availability_row(self.product, self.status, self.quantity, reason, 2, **where)


@dataclass(frozen=True, slots=True)
class PlantedFaults:
    left_out: frozenset[int]
    changes: tuple[AvailabilityChange, ...]


def plant_faults(baskets: Iterable[GroceryBasket]) -> PlantedFaults:
    """The same for the same baskets. What is planted for one store goes to the first that bought the product,
    so that the most specific fact has something to win against."""
    first_store: dict[int, int] = {}
    for basket in baskets:
        for line in basket.lines:
            first_store.setdefault(line.product, basket.store)
    bought = sorted(first_store)
    return PlantedFaults(
        frozenset(bought[::EVERY]),
        tuple(
            change
            for index, product in enumerate(bought)
            for change in _changes(index % EVERY, product, first_store[product])
        ),
    )


def _changes(kind: int, product: int, store: int) -> Iterator[AvailabilityChange]:
    match kind:
        case 1:
            yield AvailabilityChange(product, None, "blocked", None)
        case 2:
            yield AvailabilityChange(product, None, "out_of_stock", None)
        case 3:
            yield AvailabilityChange(product, None, "available", 1)
        case 4:
            yield AvailabilityChange(product, None, "available", 0)
        case 5:
            yield AvailabilityChange(product, store, "blocked", None)
        case 6:
            yield AvailabilityChange(product, None, "out_of_stock", None)
            yield AvailabilityChange(product, store, "available", IN_STOCK)
        case 7:
            yield AvailabilityChange(product, None, "available", 3)
            yield AvailabilityChange(product, store, "available", 1)
        case _:
            pass
