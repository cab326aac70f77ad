"""Faults planted into the real data for validation to find: products that the catalogue lacks, availability that
changes before the baskets are validated, and odd prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.journey.catalogue import IN_STOCK, FactRow, availability_row
from benchmarks.journey.planted_rates import PlantedRates
from benchmarks.journey.records import GroceryBasket, partner_of

EVERY = 40
"""Of so many bought products, one is left out of the catalogue, and one each gets a change."""


@dataclass(frozen=True, slots=True)
class AvailabilityChange:
    """A product's new availability, everywhere or for one store."""

    product: int
    store: int | None
    status: str
    quantity: int | None

    def row(self) -> FactRow:
        scope = {} if self.store is None else {"partner": partner_of(self.store)}
        reason = "recalled by the maker" if self.status == "blocked" else None
        return availability_row(self.product, self.status, self.quantity, reason, 2, **scope)


@dataclass(frozen=True, slots=True)
class PlantedFaults:
    left_out: frozenset[int]
    changes: tuple[AvailabilityChange, ...]
    rates: PlantedRates


def plant_faults(baskets: Sequence[GroceryBasket]) -> PlantedFaults:
    """Depends on the baskets alone. A change for one store is for the first store that bought the product, so that a fact
    for a store competes with one for everywhere."""
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
        PlantedRates.plant(bought, baskets, EVERY),
    )


def _changes(kind: int, product: int, store: int) -> Iterator[AvailabilityChange]:
    faults: dict[int, tuple[tuple[int | None, str, int | None], ...]] = {
        1: ((None, "blocked", None),),
        2: ((None, "out_of_stock", None),),
        3: ((None, "available", 1),),
        4: ((None, "available", 0),),
        5: ((store, "blocked", None),),
        6: ((None, "out_of_stock", None), (store, "available", IN_STOCK)),
        7: ((None, "available", 3), (store, "available", 1)),
    }
    return (AvailabilityChange(product, *fault) for fault in faults.get(kind, ()))
