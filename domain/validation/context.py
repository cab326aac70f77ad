"""All that checks may look at: the basket, the policy, and the catalogue's facts about its lines and products.

Most lines and products need no check. The context finds those once, so that the checks skip them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import AvailabilityFact, QuantityRule
from domain.catalogue.offer_index import OfferQuote
from domain.catalogue.pricing import MAX_TIME, MIN_TIME, NO_PRICE
from domain.shared.values import Market
from domain.validation.context_items import BasketLine, EvidenceKind, OfferDemand, ProductStock, Scope
from domain.validation.policy import ValidationPolicy


class FactsSeen(NamedTuple):
    """All facts that a verdict rests on, in the order of the lines. Many baskets hold what others hold, so that they
    see the same facts."""

    quotes: tuple[OfferQuote, ...]
    ending_soon: tuple[OfferQuote, ...]
    """Those whose price ends soon."""
    availability_ids: tuple[str, ...]
    policy_ids: tuple[str, ...]

    @property
    def by_kind(self) -> Mapping[EvidenceKind, set[str]]:
        """The ids of the facts about offers and products, by their kind."""
        return {
            "offers": {id for quote in self.quotes for id in quote.offer_ids},
            "successors": {id for quote in self.quotes for id in quote.successor_ids},
            "prices": {id for quote in self.quotes for id in quote.price_ids},
            "next_prices": {id for quote in self.ending_soon for id in quote.next_price_ids},
            "availability": {*self.availability_ids},
        }


class ValidationContext(Struct, frozen=True):
    """`lines` are all lines; `lines_to_check` and `stocks_to_check` leave out those that need no check.
    `product_codes` and `availability_ids` cover all products. `stock_validity` is the period around `now`, its end
    excluded, in which no availability begins or ceases to hold."""

    basket: Basket
    now: datetime
    policy: ValidationPolicy
    lines: tuple[BasketLine, ...]
    lines_to_check: tuple[BasketLine, ...]
    demands: tuple[OfferDemand, ...]
    stocks_to_check: tuple[ProductStock, ...]
    product_codes: tuple[str, ...]
    availability_ids: tuple[str, ...]
    stock_validity: tuple[datetime, datetime]

    @classmethod
    def of(
        cls,
        basket: Basket,
        catalogue: Catalogue,
        now: datetime,
        policy: ValidationPolicy,
        known: Sequence[BasketLine] = (),
    ) -> ValidationContext:
        """The context of a basket. `known` are lines by the same catalogue, market, time and policy."""
        market = basket.market
        lines = _lines(basket.items.values(), catalogue, market, now, policy, known)
        to_check = tuple([line for line in lines if line.needs_check])
        requested = _requested(lines)
        stocks, availability_ids, validity = _stocks(requested, lines, catalogue, market, now, policy)
        codes, demands = tuple(requested), _demands(to_check)
        return cls(basket, now, policy, lines, to_check, demands, stocks, codes, availability_ids, validity)

    @property
    def scopes_to_check(self) -> frozenset[Scope]:
        """The scopes that have an item to check."""
        policy = self.policy
        closed = self.basket.status_at(self.now) != "open"
        limits = policy.maximum_lines is not None or policy.maximum_total
        if not (self.lines_to_check or self.stocks_to_check or closed or limits):
            return _ONLY_THE_BASKET
        items: dict[Scope, object] = {
            "basket": True,
            "closed": closed,
            "limits": limits,
            "lines": self.lines_to_check,
            "demands": self.demands,
            "stocks": self.stocks_to_check,
        }
        return frozenset([scope for scope, some in items.items() if some])

    @property
    def validity(self) -> tuple[datetime, datetime]:
        """The period around `now` in which no verdict changes by time alone: from the first moment, included, until
        the second, excluded."""
        now, within = self.now, self.policy.price_expires_within
        since, until = self.stock_validity
        changes: list[datetime] = [self.basket.expires_at]
        for line in self.lines:
            quote = line.quote
            since = max(since, quote.since)
            until = min(until, quote.until)
            if quote.price_ends is not None:
                changes.append(quote.price_ends - min(within, quote.price_ends - MIN_TIME))
        for change in changes:
            if change > now:
                until = min(until, change)
            else:
                since = max(since, change)
        return since, until

    @property
    def facts(self) -> FactsSeen:
        return FactsSeen(
            tuple([line.quote for line in self.lines]),
            tuple([line.quote for line in self.lines if line.ends_soon]),
            self.availability_ids,
            self.policy.evidence,
        )


_ONLY_THE_BASKET: frozenset[Scope] = frozenset(["basket"])


def _lines(
    items: Iterable[OrderItem],
    catalogue: Catalogue,
    market: Market,
    now: datetime,
    policy: ValidationPolicy,
    known: Sequence[BasketLine],
) -> tuple[BasketLine, ...]:
    soon = min(now, MAX_TIME - policy.price_expires_within) + policy.price_expires_within
    lines: list[BasketLine] = []
    for index, item in enumerate(items):
        if index < len(known) and known[index].item is item:
            lines.append(known[index])
            continue
        quote = catalogue.quote(item.offer, market, now)
        ends_soon = quote.price_ends is not None and quote.price_ends <= soon
        next_price = quote.next_price if ends_soon else NO_PRICE
        lines.append(BasketLine(index, item, quote.offer, quote.successor, quote.price, next_price, ends_soon, quote))
    return tuple(lines)


def _demands(lines: Iterable[BasketLine]) -> tuple[OfferDemand, ...]:
    by_version: dict[tuple[str, str], tuple[QuantityRule, list[BasketLine]]] = {}
    for line in lines:
        if line.offer is not None and line.offer.quantity is not None:
            version = (line.item.offer.id, line.item.offer.version)
            by_version.setdefault(version, (line.offer.quantity, []))[1].append(line)
    return tuple(
        OfferDemand(rule, tuple(same), sum([line.item.quantity for line in same])) for rule, same in by_version.values()
    )


def _requested(lines: Iterable[BasketLine]) -> dict[str, int]:
    """The total quantity of each product, by its code."""
    requested: dict[str, int] = {}
    for line in lines:
        quantity = line.item.quantity
        for product in line.products:
            code = product.product_code
            requested[code] = requested.get(code, 0) + quantity * product.quantity
    return requested


def _stocks(
    requested: Mapping[str, int],
    lines: Iterable[BasketLine],
    catalogue: Catalogue,
    market: Market,
    now: datetime,
    policy: ValidationPolicy,
) -> tuple[tuple[ProductStock, ...], tuple[str, ...], tuple[datetime, datetime]]:
    """The products that may be scarce, the ids of the facts about all products, and how long these hold."""
    scarce: dict[str, AvailabilityFact] = {}
    ids: list[str] = []
    since, until = MIN_TIME, MAX_TIME
    for code, wanted in requested.items():
        product = catalogue.product_entry(code)
        if product.is_timed:
            begins, ends = product.validity(market, now)
            since, until = max(since, begins), min(until, ends)
        index = product.index_for(market, now)
        if index is None:
            continue
        fact = product.facts[index]
        ids.append(product.ids[index])
        available = fact.quantity
        if fact.status != "available" or (
            available is not None and (available < wanted or available < policy.low_stock)
        ):
            scarce[code] = fact
    if not scarce:
        return (), tuple(ids), (since, until)
    needing: dict[str, dict[int, BasketLine]] = {code: {} for code in scarce}
    for line in lines:
        for product_of_line in line.products:
            if product_of_line.product_code in needing:
                needing[product_of_line.product_code][line.item_index] = line
    stocks = [ProductStock(code, requested[code], tuple(needing[code].values()), fact) for code, fact in scarce.items()]
    return tuple(stocks), tuple(ids), (since, until)
