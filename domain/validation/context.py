"""What checks see of a basket: its lines with what the catalogue says of their offers, how many of each
offer, and its products with what can be had of them.

Of most lines and products there is nothing to say, and to have two dozen checks find that out of each would be
most of the work. Sight knows it beforehand: checks look at the lines and stocks that are `in_question`, unless
they mean all lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import AvailabilityFact
from domain.catalogue.pricing import MAX_TIME, MIN_TIME, NO_PRICE
from domain.shared.values import Market
from domain.validation.context_items import (
    BasketLine,
    EvidenceKind,
    OfferDemand,
    ProductStock,
    Scope,
)
from domain.validation.policy import ValidationPolicy


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """What a check sees. All lines; those of them that are in question; what is asked for of offers that say how
    many one may order; the products of which there may not be plenty; and of all products the codes, and the ids of
    what is said of them."""

    basket: Basket
    now: datetime
    policy: ValidationPolicy
    lines: tuple[BasketLine, ...]
    lines_in_question: tuple[BasketLine, ...]
    demands: tuple[OfferDemand, ...]
    stocks_in_question: tuple[ProductStock, ...]
    codes: tuple[str, ...]
    availability_ids: tuple[str, ...]

    @classmethod
    def of(
        cls, basket: Basket, catalogue: Catalogue, now: datetime, policy: ValidationPolicy
    ) -> ValidationContext:
        market = basket.market
        lines = _lines(basket.items.values(), catalogue, market, now, policy)
        in_question = tuple([line for line in lines if line.is_in_question])
        requested = _requested(lines)
        stocks, availability_ids = _stocks(requested, lines, catalogue, market, policy)
        demands = _demands(in_question)
        codes = tuple(requested)
        return cls(basket, now, policy, lines, in_question, demands, stocks, codes, availability_ids)

    @property
    def in_question(self) -> frozenset[Scope]:
        """The parts of which there may be something to say."""
        parts: dict[Scope, object] = {
            "basket": True,
            "lines": self.lines_in_question,
            "demands": self.demands,
            "stocks": self.stocks_in_question,
        }
        return frozenset([part for part, those in parts.items() if those])

    @property
    def unchanged(self) -> tuple[datetime, datetime]:
        """From when on (that moment included) and until when nothing begins or ends, or comes to end soon, of all
        that is seen."""
        now, within = self.now, self.policy.price_expires_within
        since, until = MIN_TIME, MAX_TIME
        soonest: list[datetime] = [self.basket.expires_at]
        for line in self.lines:
            answer = line.answer
            since = max(since, answer.since)
            until = min(until, answer.until)
            if answer.ends is not None:
                soonest.append(answer.ends - min(within, answer.ends - MIN_TIME))
        for moment in soonest:
            if moment > now:
                until = min(until, moment)
            else:
                since = max(since, moment)
        return since, until

    def evidence(self, kind: EvidenceKind) -> set[str]:
        """The ids of all facts of this kind that were looked at."""
        if kind == "availability":
            return {*self.availability_ids}
        return {id for line in self.lines for id in line.evidence(kind)}


def _lines(
    items: Iterable[OrderItem], catalogue: Catalogue, market: Market, now: datetime, policy: ValidationPolicy
) -> tuple[BasketLine, ...]:
    soon = min(now, MAX_TIME - policy.price_expires_within) + policy.price_expires_within
    lines: list[BasketLine] = []
    for at, item in enumerate(items):
        said = catalogue.answer(item.offer, market, now)
        ends_soon = said.ends is not None and said.ends <= soon
        next_price = said.following if ends_soon else NO_PRICE
        lines.append(
            BasketLine(at, item, said.offer, said.successor, said.price, next_price, ends_soon, said)
        )
    return tuple(lines)


def _demands(lines: Iterable[BasketLine]) -> tuple[OfferDemand, ...]:
    asking: dict[tuple[str, str], list[BasketLine]] = {}
    for line in lines:
        if line.offer is not None and line.offer.quantity is not None:
            asking.setdefault((line.item.offer.id, line.item.offer.version), []).append(line)
    return tuple(
        OfferDemand(same[0].offer, tuple(same), sum([line.item.quantity for line in same]))
        for same in asking.values()
        if same[0].offer is not None
    )


def _requested(lines: Iterable[BasketLine]) -> dict[str, int]:
    """How many of each product all lines need together, by its code."""
    requested: dict[str, int] = {}
    for line in lines:
        quantity = line.item.quantity
        for product in line.products:
            code = product.product_code
            requested[code] = requested.get(code, 0) + quantity
    return requested


def _stocks(
    requested: Mapping[str, int],
    lines: Iterable[BasketLine],
    catalogue: Catalogue,
    market: Market,
    policy: ValidationPolicy,
) -> tuple[tuple[ProductStock, ...], tuple[str, ...]]:
    """The products of which there may not be plenty, and the ids of the facts about all products."""
    scarce: dict[str, AvailabilityFact] = {}
    ids: list[str] = []
    for code, wanted in requested.items():
        known = catalogue.known_product(code)
        at = known.place_of(market) if known else None
        if known is None or at is None:
            continue
        fact = known.facts[at]
        ids.append(known.ids[at])
        available = fact.quantity
        if fact.status != "available" or (
            available is not None and (available < wanted or available < policy.low_stock)
        ):
            scarce[code] = fact
    if not scarce:
        return (), tuple(ids)
    needing: dict[str, dict[int, BasketLine]] = {code: {} for code in scarce}
    for line in lines:
        for product in line.products:
            if product.product_code in needing:
                needing[product.product_code][line.at] = line
    stocks = [
        ProductStock(code, requested[code], tuple(needing[code].values()), fact)
        for code, fact in scarce.items()
    ]
    return tuple(stocks), tuple(ids)
