"""Faults planted into the real data for validation to find: products that the catalogue lacks, availability that
changes before the baskets are validated, and odd prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.journey.catalogue import IN_STOCK, FactRow, availability_row, price_row, rfc3339
from benchmarks.journey.planted_rates import PlantedRates
from benchmarks.journey.records import GroceryBasket, partner_of

STRANGER = "a-partner-without-baskets"
PRICED_FOR_OTHERS = 17
"""The kind of products with a price for the stranger. Kinds 8 to 12 have planted rates."""

EVERY = 40
"""Of so many bought products, one is left out of the catalogue, and one each gets a change."""


@dataclass(frozen=True, slots=True)
class AvailabilityChange:
    """A product's new availability, everywhere or for one store, always or for a period: from so many days after the
    validation until so many days after it."""

    product: int
    store: int | None
    status: str
    quantity: int | None
    days: tuple[int, int] | None = None

    @property
    def holds(self) -> bool:
        """Whether it holds at the validation."""
        return self.days is None or self.days[0] <= 0 < self.days[1]

    def row(self, now: datetime) -> FactRow:
        scope = {} if self.store is None else {"partner": partner_of(self.store)}
        if self.days is not None:
            begins, ends = (rfc3339(now + timedelta(days=days)) for days in self.days)
            scope |= {"validFrom": begins, "validUntil": ends}
        reason = "recalled by the maker" if self.status == "blocked" else None
        return availability_row(self.product, self.status, self.quantity, reason, 2, **scope)


@dataclass(frozen=True, slots=True)
class PlantedFaults:
    left_out: frozenset[int]
    changes: tuple[AvailabilityChange, ...]
    rates: PlantedRates
    priced_for_others: tuple[int, ...] = ()
    """The products with a price for a partner that has no basket: nobody may notice it."""

    def rows(self, now: datetime) -> Iterator[FactRow]:
        for change in self.changes:
            yield change.row(now)
        for product in self.priced_for_others:
            yield price_row(product, "0.01", partner=STRANGER)


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
        tuple(bought[PRICED_FOR_OTHERS::EVERY]),
    )


def _changes(kind: int, product: int, store: int) -> Iterator[AvailabilityChange]:
    faults: dict[int, tuple[tuple[int | None, str, int | None, tuple[int, int] | None], ...]] = {
        1: ((None, "blocked", None, None),),
        2: ((None, "out_of_stock", None, None),),
        3: ((None, "available", 1, None),),
        4: ((None, "available", 0, None),),
        5: ((store, "blocked", None, None),),
        6: ((None, "out_of_stock", None, None), (store, "available", IN_STOCK, None)),
        7: ((None, "available", 3, None), (store, "available", 1, None)),
        13: ((None, "blocked", None, (-9, -1)), (store, "out_of_stock", None, (30, 60))),
        14: ((None, "blocked", None, (-1, 30)),),
        15: ((None, "available", 1, (-1, 30)), (store, "blocked", None, (-9, -1))),
        16: ((None, "out_of_stock", None, None), (store, "available", IN_STOCK, (-1, 30))),
    }
    return (AvailabilityChange(product, *fault) for fault in faults.get(kind, ()))
