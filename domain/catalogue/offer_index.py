"""What is known of one offer and of one product, and the rules by which the most specific and newest of it
wins. Neither ever changes: whoever learns more makes another one, so that callers may share them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domain.catalogue.epochs import is_withdrawn, recency
from domain.catalogue.facts import AvailabilityFact, OfferFact, PriceFact
from domain.catalogue.pricing import (
    MAX_TIME,
    MIN_TIME,
    NO_PRICE,
    PriceQuote,
    price_at,
)
from domain.shared.values import Market, Money

F = TypeVar("F", OfferFact, PriceFact, AvailabilityFact)

MAX_CACHED_MARKETS = 16
"""An offer is sold in few markets at a time; where it is in more, they are looked up anew."""


@dataclass(frozen=True, slots=True)
class OfferQuote:
    """What is said of an offer version in a market, from `since` on and before `until`: the offer, the version
    that supersedes it, its price, and the answer for the moment at which that price ends; and the ids of the
    facts that each of these rests on."""

    offer: OfferFact | None = None
    successor: OfferFact | None = None
    price: PriceQuote = NO_PRICE
    following: PriceQuote = NO_PRICE
    since: datetime = MIN_TIME
    until: datetime = MAX_TIME
    offer_ids: tuple[str, ...] = ()
    successor_ids: tuple[str, ...] = ()
    price_ids: tuple[str, ...] = ()
    following_ids: tuple[str, ...] = ()
    unconditional_at: Money | None = None
    """The price, where there is nothing else to say of the offer: it is published, not superseded, sold to
    everybody, everywhere, always and in any quantity, hangs under none and excludes none."""
    ends: datetime | None = None
    """When the price ends that holds."""


NO_QUOTE = OfferQuote()


class OfferEntry:
    """The versions of one offer and their prices. Remembers what it was asked lately: the answer stays the same
    until the next moment at which a price or the sale begins or ends."""

    __slots__ = ("_answers", "_withdrawn", "codes", "prices", "versions")

    def __init__(self, facts: Iterable[OfferFact | PriceFact]) -> None:
        """Of each version and of each price the newest of these facts counts, in whatever order they come."""
        versions: dict[Hashable, OfferFact] = {}
        prices: dict[Hashable, PriceFact] = {}
        for fact in facts:
            if isinstance(fact, OfferFact):
                _keep_newest(versions, fact.version, fact)
            else:
                # What makes its subject, without the cost of writing it.
                _keep_newest(prices, (fact.offer_version, fact.country, fact.currency, fact.valid_from), fact)
        self.versions = tuple(versions.values())
        self.prices = tuple([price for price in prices.values() if not is_withdrawn(price)])
        self._withdrawn = tuple([price for price in prices.values() if is_withdrawn(price)])
        self.codes = tuple({product.product_code for fact in self.versions for product in fact.products})
        """Of the products that any version is made of."""
        self._answers: dict[Hashable, OfferQuote] = {}

    def facts(self) -> Iterator[OfferFact | PriceFact]:
        """All that is known, also that a price was withdrawn."""
        yield from self.versions
        yield from self.prices
        yield from self._withdrawn

    def version(self, version: str) -> OfferFact | None:
        for fact in self.versions:
            if fact.version == version:
                return fact
        return None

    def successor(self, version: str) -> OfferFact | None:
        """The published version that supersedes this one: another version with a higher sequence, the
        highest of them."""
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
        """The price in this market and its currency. Of several that hold, that of the market's country
        wins over the one for everywhere, then the newest. Without a currency the prices that win must all
        be in one: we don't choose what somebody pays in."""
        return price_at(self._prices(version, market), now)

    def answer(self, version: str, market: Market, now: datetime) -> OfferQuote:
        """All that is said of a version in a market."""
        key = (version, market.country, market.currency)
        answer = self._answers.get(key)
        if answer is None or not answer.since <= now < answer.until:
            answer = self._answer(version, market, now)
            if len(self._answers) >= MAX_CACHED_MARKETS:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def _answer(self, version: str, market: Market, now: datetime) -> OfferQuote:
        offer = self.version(version)
        if offer is None:
            return NO_QUOTE
        prices = self._prices(version, market)
        price = price_at(prices, now)
        current = price.current
        ends = current.valid_until if current else None
        following = price_at(prices, ends) if ends else NO_PRICE
        successor = self.successor(version)
        since, until = _unchanged(offer, prices, now)
        return OfferQuote(
            offer,
            successor,
            price,
            following,
            since,
            until,
            offer_ids=(offer.fact_id,),
            successor_ids=(successor.fact_id,) if successor else (),
            price_ids=tuple([fact.fact_id for fact in price.facts]),
            following_ids=tuple([fact.fact_id for fact in following.holding]),
            unconditional_at=current.money
            if current and not successor and _is_unconditional(offer)
            else None,
            ends=ends,
        )

    def _prices(self, version: str, market: Market) -> list[PriceFact]:
        return [
            price
            for price in self.prices
            if price.offer_version == version
            and price.country in (None, market.country)
            and price.currency == (market.currency or price.currency)
        ]


class ProductEntry:
    """What is said of the availability of one product, in each place and for each partner organisation."""

    __slots__ = ("facts", "ids", "withdrawn")

    def __init__(self, facts: Iterable[AvailabilityFact]) -> None:
        """Of each place and organisation the newest of these facts counts, in whatever order they come."""
        newest: dict[Hashable, AvailabilityFact] = {}
        for fact in facts:
            _keep_newest(newest, (fact.country, fact.partner), fact)
        self.facts = tuple([fact for fact in newest.values() if not is_withdrawn(fact)])
        self.withdrawn = tuple([fact for fact in newest.values() if is_withdrawn(fact)])
        self.ids = tuple([fact.fact_id for fact in self.facts])

    def availability(self, market: Market) -> AvailabilityFact | None:
        """What holds in this market; None where nothing is said, which is no limit."""
        place = self.place_of(market)
        return None if place is None else self.facts[place]

    def place_of(self, market: Market) -> int | None:
        """Which of the facts holds: the partner's own before the country's before everywhere's."""
        facts = self.facts
        if len(facts) == 1 and facts[0].partner is None and facts[0].country is None:
            return 0
        places = [
            place
            for place, fact in enumerate(facts)
            if fact.partner in (None, market.partner) and fact.country in (None, market.country)
        ]
        if len(places) < 2:
            return places[0] if places else None
        return max(places, key=lambda at: (facts[at].partner is not None, facts[at].country is not None))


def _is_unconditional(offer: OfferFact) -> bool:
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


def _unchanged(offer: OfferFact, prices: list[PriceFact], now: datetime) -> tuple[datetime, datetime]:
    """From when on and until when nothing begins or ends that is said of the offer and its prices."""
    since, until = MIN_TIME, MAX_TIME
    moments = [offer.on_sale_from, offer.on_sale_until]
    for price in prices:
        moments += (price.valid_from, price.valid_until)
    for moment in moments:
        if moment is None:
            continue
        if moment <= now:
            since = max(since, moment)
        else:
            until = min(until, moment)
    return since, until


def _keep_newest(facts: dict[Hashable, F], key: Hashable, fact: F) -> None:
    held = facts.get(key)
    if held is None or recency(fact) > recency(held):
        facts[key] = fact
