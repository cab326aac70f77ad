"""Catalogue facts as `checkout catalogue load` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.journey.calendar import Calendar, rfc3339
from benchmarks.journey.prices import Weekly, decimal, periods
from benchmarks.journey.records import GroceryProduct, offer_id, product_code

Row = dict[str, Any]

VERSION = "v-1"
CURRENCY = "USD"
IN_STOCK = 500
"""Of each product, where nothing else was planted; real baskets of fuel ask for more."""


def offer_row(product: int, name: str) -> Row:
    return {
        "kind": "offer",
        "id": offer_id(product),
        "version": VERSION,
        "name": name,
        "path": f"/offers/{product}",
        "products": [{"productCode": product_code(product), "path": f"/products/{product}"}],
        "status": "published",
        "sequence": 1,
    }


def price_row(product: int, amount: str, sequence: int = 1, **validity: str | None) -> Row:
    return {
        "kind": "price",
        "offerId": offer_id(product),
        "offerVersion": VERSION,
        "currency": CURRENCY,
        "amount": amount,
        **validity,
        "sequence": sequence,
    }


def availability_row(
    product: int,
    status: str = "available",
    quantity: int | None = IN_STOCK,
    reason: str | None = None,
    sequence: int = 1,
    **where: str,
) -> Row:
    """`where`: `partner` or `country`, else everywhere."""
    return {
        "kind": "availability",
        "productCode": product_code(product),
        **where,
        "status": status,
        "quantity": quantity,
        "reason": reason,
        "sequence": sequence,
    }


@dataclass(frozen=True, slots=True)
class CatalogueYear:
    """All that the data says of a catalogue, and when its weeks are."""

    products: Sequence[GroceryProduct]
    prices: Mapping[int, Weekly]
    calendar: Calendar

    def facts(self, product: GroceryProduct, weeks: range) -> Iterator[Row]:
        """The offer, its availability, and its prices that hold in these weeks."""
        yield offer_row(product.id, product.name)
        yield availability_row(product.id)
        for week, until, cents in periods(self.prices.get(product.id, {})):
            if week < weeks.stop and (until is None or until > weeks.start):
                yield price_row(
                    product.id,
                    decimal(cents),
                    validFrom=rfc3339(self.calendar.start(week)),
                    validUntil=self._start(until),
                )

    def week_begins(self, week: int, at: datetime, product: int) -> Iterator[Row]:
        """The product's price of a week as a newer fact that holds from `at` on, as if the week began then;
        nothing where it was not sold in that week."""
        for begins, until, cents in periods(self.prices.get(product, {})):
            if begins == week:
                yield price_row(
                    product,
                    decimal(cents),
                    sequence=2,
                    validFrom=rfc3339(at),
                    validUntil=self._start(until),
                )

    def _start(self, week: int | None) -> str | None:
        return None if week is None else rfc3339(self.calendar.start(week))
