"""All facts about one offer or one product, and the rules by which the most specific and newest fact wins.

Entries never change, so that callers may share them: whoever adds facts makes a new entry.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from domain.catalogue.epochs import is_withdrawn, recency
from domain.catalogue.facts import AvailabilityFact, OfferFact, PriceFact
from domain.catalogue.pricing import MAX_TIME, MIN_TIME, NO_PRICE, PriceQuote, price_at
from domain.shared.money import Price
from domain.shared.totals import is_payable
from domain.shared.values import LineOffer, Market

F = TypeVar("F", OfferFact, PriceFact, AvailabilityFact)

MAX_CACHED_MARKETS = 16
"""An offer is sold in few markets at a time; with more markets its quotes are made anew."""


class OfferSnapshot(Struct, frozen=True):
    """An offer as a new line of a basket records it. An unknown offer has no name, products or price."""

    offer: LineOffer
    price: Price | None = None


class OfferQuote(Struct, frozen=True, eq=False):
    """An offer version in one market, with the ids of the facts that each part rests on.

    The quote is valid from `since` until before `until`. `next_price` is the price at the moment `price_ends`, at
    which the current one ends. `plain_price` is set for an offer without conditions: it is published, not superseded,
    sold to everybody, everywhere, always, in any quantity, is no add-on and excludes nothing, and its price is payable.
    Lines of all baskets share the parts of its `snapshot`; it is None for an unknown offer.
    """

    offer: OfferFact | None = None
    successor: OfferFact | None = None
    price: PriceQuote = NO_PRICE
    next_price: PriceQuote = NO_PRICE
    since: datetime = MIN_TIME
    until: datetime = MAX_TIME
    offer_ids: tuple[str, ...] = ()
    successor_ids: tuple[str, ...] = ()
    price_ids: tuple[str, ...] = ()
    next_price_ids: tuple[str, ...] = ()
    plain_price: Price | None = None
    price_ends: datetime | None = None
    snapshot: OfferSnapshot | None = None


NO_QUOTE = OfferQuote()


class OfferEntry:
    """The versions of one offer and their prices. It caches quotes until a price or the sale begins or ends."""

    __slots__ = ("_partners", "_quotes", "_withdrawn", "prices", "product_codes", "versions")

    def __init__(self, facts: Iterable[OfferFact | PriceFact]) -> None:
        """The newest fact of each version and of each price counts; `facts` come in any order."""
        versions: dict[Hashable, OfferFact] = {}
        prices: dict[Hashable, PriceFact] = {}
        for fact in facts:
            if isinstance(fact, OfferFact):
                _keep_newest(versions, fact.version, fact)
            else:
                # The parts of its subject: building the text would be slower.
                price = (fact.offer_version, fact.partner, fact.country, fact.currency, fact.valid_from)
                _keep_newest(prices, price, fact)
        self.versions = tuple(versions.values())
        self.prices = tuple([price for price in prices.values() if not is_withdrawn(price)])
        self._withdrawn = tuple([price for price in prices.values() if is_withdrawn(price)])
        self._partners = {price.partner for price in self.prices}
        self.product_codes = tuple({product.product_code for fact in self.versions for product in fact.products})
        self._quotes: dict[Hashable, OfferQuote] = {}

    def facts(self) -> Iterator[OfferFact | PriceFact]:
        """All facts, withdrawals of prices included."""
        yield from self.versions
        yield from self.prices
        yield from self._withdrawn

    def version(self, version: str) -> OfferFact | None:
        for fact in self.versions:
            if fact.version == version:
                return fact
        return None

    def successor(self, version: str) -> OfferFact | None:
        """The published version with the highest sequence above that of this version."""
        known = self.version(version) if len(self.versions) > 1 else None
        if known is None:
            return None
        newer = [
            fact
            for fact in self.versions
            if fact.version != version and fact.status == "published" and fact.sequence > known.sequence
        ]
        return max(newer, key=lambda fact: (fact.sequence, fact.version), default=None)

    def price(self, version: str, market: Market, now: datetime) -> PriceQuote:
        """The price in this market. A price for the market's partner wins over one for all, then one for its country
        over one for all countries, then the newest wins. Without a currency, prices in several currencies are
        ambiguous: no currency is chosen."""
        return price_at(self._prices(version, market), now)

    def quote(self, version: str, market: Market, now: datetime) -> OfferQuote:
        # Partners without a price of their own share the quotes.
        key = (version, market.country, market.currency, market.partner if market.partner in self._partners else None)
        quote = self._quotes.get(key)
        if quote is None or not quote.since <= now < quote.until:
            quote = self._make_quote(version, market, now)
            if len(self._quotes) >= MAX_CACHED_MARKETS:
                self._quotes.clear()
            self._quotes[key] = quote
        return quote

    def _make_quote(self, version: str, market: Market, now: datetime) -> OfferQuote:
        offer = self.version(version)
        if offer is None:
            return NO_QUOTE
        prices = self._prices(version, market)
        price = price_at(prices, now)
        current = price.current
        price_ends = current.valid_until if current else None
        next_price = price_at(prices, price_ends) if price_ends else NO_PRICE
        successor = self.successor(version)
        since, until = _validity(offer, prices, now)
        money = current.money if current else None
        is_plain = money and is_payable(money) and not successor and _has_no_conditions(offer)
        line_offer = LineOffer.construct_trusted(
            id=offer.id, version=offer.version, name=offer.name, path=offer.path, products=offer.products
        )
        return OfferQuote(
            offer,
            successor,
            price,
            next_price,
            since,
            until,
            offer_ids=(offer.fact_id,),
            successor_ids=(successor.fact_id,) if successor else (),
            price_ids=tuple([fact.fact_id for fact in price.facts]),
            next_price_ids=tuple([fact.fact_id for fact in next_price.holding]),
            plain_price=money if is_plain else None,
            price_ends=price_ends,
            snapshot=OfferSnapshot(line_offer, money),
        )

    def _prices(self, version: str, market: Market) -> list[PriceFact]:
        return [
            price
            for price in self.prices
            if price.offer_version == version
            # Nobody learns of a price for another partner.
            and price.partner in (None, market.partner)
            and price.country in (None, market.country)
            and price.currency == (market.currency or price.currency)
        ]


class ProductEntry:
    """The availability of one product, for each country, partner organisation and period."""

    __slots__ = ("_holds_always", "facts", "ids", "is_timed", "withdrawn")

    def __init__(self, facts: Iterable[AvailabilityFact]) -> None:
        """The newest fact of each country, organisation and beginning counts; `facts` come in any order."""
        newest: dict[Hashable, AvailabilityFact] = {}
        for fact in facts:
            _keep_newest(newest, (fact.country, fact.partner, fact.valid_from), fact)
        self.facts = tuple([fact for fact in newest.values() if not is_withdrawn(fact)])
        self.withdrawn = tuple([fact for fact in newest.values() if is_withdrawn(fact)])
        self.ids = tuple([fact.fact_id for fact in self.facts])
        self.is_timed = any(fact.valid_from or fact.valid_until for fact in self.facts)
        only = self.facts[0] if len(self.facts) == 1 and not self.is_timed else None
        self._holds_always = only is not None and only.partner is None and only.country is None

    def availability(self, market: Market, now: datetime) -> AvailabilityFact | None:
        """The fact that holds in this market; None means no limit."""
        index = self.index_for(market, now)
        return None if index is None else self.facts[index]

    def index_for(self, market: Market, now: datetime) -> int | None:
        """The index of the fact that holds: one for the partner wins, then one for the country, then the newest, then
        the one that began last."""
        if self._holds_always:
            return 0
        facts = self.facts
        indexes = self._indexes_for(market)
        if self.is_timed:
            indexes = [index for index in indexes if facts[index].holds_at(now)]
        if len(indexes) < 2:
            return indexes[0] if indexes else None
        return max(indexes, key=lambda index: _availability_precedence(facts[index]))

    def validity(self, market: Market, now: datetime) -> tuple[datetime, datetime]:
        """The period around `now` in which no fact for this market begins or ceases to hold."""
        facts = [self.facts[index] for index in self._indexes_for(market)]
        return _period_around(now, [moment for fact in facts for moment in (fact.valid_from, fact.valid_until)])

    def _indexes_for(self, market: Market) -> list[int]:
        return [
            index
            for index, fact in enumerate(self.facts)
            if fact.partner in (None, market.partner) and fact.country in (None, market.country)
        ]


NO_OFFER = OfferEntry(())
NO_PRODUCT = ProductEntry(())


def _has_no_conditions(offer: OfferFact) -> bool:
    return (
        offer.status == "published"
        and offer.on_sale_from is None
        and offer.on_sale_until is None
        and offer.countries is None
        and offer.partners is None
        and offer.quantity is None
        and offer.add_on_to is None
        and not offer.incompatible_with
    )


def _validity(offer: OfferFact, prices: list[PriceFact], now: datetime) -> tuple[datetime, datetime]:
    """The period around `now` in which neither the sale nor a price begins or ends."""
    changes = [offer.on_sale_from, offer.on_sale_until]
    for price in prices:
        changes += (price.valid_from, price.valid_until)
    return _period_around(now, changes)


def _period_around(now: datetime, changes: Iterable[datetime | None]) -> tuple[datetime, datetime]:
    """The longest period around `now` without one of the changes; it includes its start and excludes its end."""
    since, until = MIN_TIME, MAX_TIME
    for change in changes:
        if change is None:
            continue
        if change <= now:
            since = max(since, change)
        else:
            until = min(until, change)
    return since, until


def _availability_precedence(fact: AvailabilityFact) -> tuple[bool, bool, int, datetime]:
    return (fact.partner is not None, fact.country is not None, fact.sequence, fact.valid_from or MIN_TIME)


def _keep_newest(facts: dict[Hashable, F], key: Hashable, fact: F) -> None:
    held = facts.get(key)
    if held is None or recency(fact) > recency(held):
        facts[key] = fact
