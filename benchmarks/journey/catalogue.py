"""Catalogue facts of the data set, in the format of `checkout catalogue load`: offers, stock, and weekly prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, zip_longest
from statistics import median
from typing import Any

from benchmarks.journey.records import GroceryProduct, SaleRow, offer_id, product_code

FactRow = dict[str, Any]

WeeklyPrices = Mapping[int, int]
"""Cents, by the weeks in which the product was sold, in order."""

VERSION = "v-1"
CURRENCY = "USD"
IN_STOCK = 500
"""Of each product, unless a fault was planted; real baskets of fuel ask for more."""

DAYS_BEFORE = 3
"""The week that is now began so many days before today. So it neither starts nor ends during a run."""


def offer_row(product: int, name: str) -> FactRow:
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


def price_row(product: int, amount: str, sequence: int = 1, **scope: str | None) -> FactRow:
    """`scope` is `partner`, `validFrom` or `validUntil`; without it the price holds for all and always."""
    return {
        "kind": "price",
        "offerId": offer_id(product),
        "offerVersion": VERSION,
        "currency": CURRENCY,
        "amount": amount,
        **scope,
        "sequence": sequence,
    }


def availability_row(
    product: int,
    status: str = "available",
    quantity: int | None = IN_STOCK,
    reason: str | None = None,
    sequence: int = 1,
    **scope: str,
) -> FactRow:
    """`scope` is `partner`, `country`, `validFrom` or `validUntil`; without it the fact holds everywhere and always."""
    return {
        "kind": "availability",
        "productCode": product_code(product),
        **scope,
        "status": status,
        "quantity": quantity,
        "reason": reason,
        "sequence": sequence,
    }


def weekly_prices(sales: Iterable[SaleRow]) -> dict[int, WeeklyPrices]:
    """By product and week, the median unit price in whole cents, half a cent rounded up, at least one cent. Ignores rows
    without a quantity or a payment."""
    paid: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sale in sales:
        if sale.quantity > 0 and sale.cents > 0:
            paid[sale.product][sale.week].append(sale.cents / sale.quantity)
    return {
        product: {week: max(1, math.floor(median(weeks[week]) + 0.5)) for week in sorted(weeks)}
        for product, weeks in sorted(paid.items())
    }


def periods(prices: WeeklyPrices) -> Iterator[tuple[int, int | None, int]]:
    """First week, week of the end (exclusive; None: for ever) and cents of each price. A price holds until the next week
    in which the product was sold. Before its first sale a product has no price."""
    for week, following in zip_longest(prices, islice(prices, 1, None)):
        yield week, following, prices[week]


def decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class WeekCalendar:
    """Dates of the data set's weeks, moved so that `now_is_week` contains noon of `today`: the service uses the real
    clock."""

    now_is_week: int
    today: date

    def start(self, week: int) -> datetime:
        """Midnight, UTC. A week ends when the next one starts."""
        now_began = datetime.combine(self.today - timedelta(days=DAYS_BEFORE), time(), UTC)
        return now_began + timedelta(weeks=week - self.now_is_week)

    def contains(self, week: int, moment: datetime) -> bool:
        return self.start(week) <= moment < self.start(week + 1)


@dataclass(frozen=True, slots=True)
class CatalogueYear:
    """A year of catalogue facts."""

    products: Sequence[GroceryProduct]
    prices: Mapping[int, WeeklyPrices]
    calendar: WeekCalendar

    def facts(self, product: GroceryProduct, weeks: range) -> Iterator[FactRow]:
        """The offer, its availability, and its prices that hold in these weeks."""
        yield offer_row(product.id, product.name)
        yield availability_row(product.id)
        for week, until, cents in periods(self.prices.get(product.id, {})):
            if week < weeks.stop and (until is None or until > weeks.start):
                valid_from = rfc3339(self.calendar.start(week))
                yield price_row(product.id, decimal(cents), validFrom=valid_from, validUntil=self._end(until))

    def week_begins(self, week: int, at: datetime, product: int) -> Iterator[FactRow]:
        """The product's price of a week as a newer fact that holds from `at` on, as if the week began then. Nothing if it
        was not sold in that week."""
        for begins, until, cents in periods(self.prices.get(product, {})):
            if begins == week:
                validity = {"validFrom": rfc3339(at), "validUntil": self._end(until)}
                yield price_row(product, decimal(cents), sequence=2, **validity)

    def _end(self, week: int | None) -> str | None:
        return None if week is None else rfc3339(self.calendar.start(week))
