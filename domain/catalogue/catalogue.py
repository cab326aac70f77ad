"""What the catalogue says of some offers and products at one moment, and the rules by which the most
specific and newest of it wins. Pure: made of facts, asked with a market and a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar, assert_never

from domain.basket.basket import Described
from domain.basket.events import LineOffer
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.values import Market, OfferRef

F = TypeVar("F", OfferFact, PriceFact, AvailabilityFact, PolicyFact)
K = TypeVar("K")

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """The price that holds, or else the one that did last (`expired`), or else the next (`upcoming`);
    or several that hold in different currencies (`undecided`), where the market names none."""

    current: PriceFact | None = None
    expired: PriceFact | None = None
    upcoming: PriceFact | None = None
    undecided: tuple[PriceFact, ...] = ()

    @property
    def fact(self) -> PriceFact | None:
        return self.current or self.expired or self.upcoming

    @property
    def facts(self) -> tuple[PriceFact, ...]:
        """All that the answer rests on."""
        return (self.fact,) if self.fact is not None else self.undecided

    @property
    def holding(self) -> tuple[PriceFact, ...]:
        """Those that hold at the moment that was asked for."""
        return (self.current,) if self.current is not None else self.undecided


class Catalogue:
    """Facts of some offers and products, newest of each kept."""

    def __init__(self, facts: Iterable[Fact] = (), position: int | None = None) -> None:
        """`position` is that of the last fact that was known of anything; None where that is not known."""
        self.position = position
        self._offers: dict[str, dict[str, OfferFact]] = defaultdict(dict)
        self._prices: dict[tuple[str, str], dict[str, PriceFact]] = defaultdict(dict)
        self._availability: dict[str, dict[str, AvailabilityFact]] = defaultdict(dict)
        self._policies: dict[str | None, PolicyFact] = {}
        self.add(facts)

    def add(self, facts: Iterable[Fact]) -> None:
        """Takes in more facts; of one subject the newest counts, in whatever order they come."""
        for fact in facts:
            match fact:
                case OfferFact():
                    _keep_newest(self._offers[fact.id], fact.version, fact)
                case PriceFact():
                    _keep_newest(self._prices[fact.offer_id, fact.offer_version], fact.subject, fact)
                case AvailabilityFact():
                    _keep_newest(self._availability[fact.product_code], fact.subject, fact)
                case PolicyFact():
                    _keep_newest(self._policies, fact.partner, fact)
                case _:
                    assert_never(fact)

    def offers(self) -> Iterator[OfferFact]:
        """Every version of every offer that is known."""
        for versions in self._offers.values():
            yield from versions.values()

    def facts(self) -> Iterator[Fact]:
        """All that is known, the newest of each subject."""
        for kept in (self._offers, self._prices, self._availability):
            for facts in kept.values():
                yield from facts.values()
        yield from self._policies.values()

    def offer(self, ref: OfferRef) -> OfferFact | None:
        return self._offers.get(ref.id, {}).get(ref.version)

    def successor(self, ref: OfferRef) -> OfferFact | None:
        """The published version that supersedes this one: another version with a higher sequence, the
        highest of them."""
        if len(self._offers.get(ref.id, ())) < 2:
            return None
        known = self.offer(ref)
        newer = [
            fact
            for fact in self._offers.get(ref.id, {}).values()
            if fact.version != ref.version
            and fact.status == "published"
            and (known is None or fact.sequence > known.sequence)
        ]
        return max(newer, key=lambda fact: (fact.sequence, fact.version), default=None) if known else None

    def price(self, ref: OfferRef, market: Market, now: datetime) -> PriceAnswer:
        """The price in this market and its currency. Of several that hold, that of the market's country
        wins over the one for everywhere, then the newest. Without a currency the prices that win must all
        be in one: we don't choose what somebody pays in."""
        prices = [
            price
            for price in self._prices.get((ref.id, ref.version), {}).values()
            if price.country in (None, market.country)
            and price.currency == (market.currency or price.currency)
        ]
        holding = _most_specific([price for price in prices if price.holds_at(now)])
        if len(holding) == 1:
            return PriceAnswer(current=holding[0])
        if holding:
            newest = {price.currency: price for price in sorted(holding, key=_age)}
            if len(newest) > 1:
                return PriceAnswer(undecided=tuple(newest[currency] for currency in sorted(newest)))
            return PriceAnswer(current=next(iter(newest.values())))
        over = [price for price in prices if price.over_by(now)]
        if over:
            return PriceAnswer(expired=max(over, key=lambda price: (price.valid_until or now, *_rank(price))))
        ahead = sorted(prices, key=_rank, reverse=True)
        return PriceAnswer(upcoming=min(ahead, key=lambda price: price.valid_from or now, default=None))

    def availability(self, product_code: str, market: Market) -> AvailabilityFact | None:
        """What holds for this product in this market: the partner's own before the country's before
        everywhere's. None where nothing is said, which is no limit."""
        facts = [
            fact
            for fact in self._availability.get(product_code, {}).values()
            if fact.partner in (None, market.partner) and fact.country in (None, market.country)
        ]
        return max(
            facts,
            key=lambda fact: (fact.partner is not None, fact.country is not None, fact.sequence),
            default=None,
        )

    def policies(self, partner: str) -> tuple[PolicyFact, ...]:
        """The policies that hold for an organisation, its own before that of all."""
        said = (self._policies.get(partner), self._policies.get(None))
        return tuple(fact for fact in said if fact is not None)

    def describe(self, ref: OfferRef, market: Market, now: datetime) -> Described:
        """What is known of an offer as it is put into a basket."""
        offer = self.offer(ref)
        if offer is None:
            return Described(LineOffer(id=ref.id, version=ref.version))
        price = self.price(ref, market, now).current
        line_offer = LineOffer(
            id=ref.id, version=ref.version, name=offer.name, path=offer.path, products=offer.products
        )
        return Described(line_offer, price.money if price else None)


def _most_specific(prices: list[PriceFact]) -> list[PriceFact]:
    of_country = [price for price in prices if price.country is not None]
    return of_country or prices


def _age(price: PriceFact) -> tuple[int, datetime]:
    """Orders prices for one country and currency; two of them never begin at the same moment."""
    return (price.sequence, price.valid_from or _EVER)


def _rank(price: PriceFact) -> tuple[bool, int, datetime, str]:
    """Orders prices of several countries and currencies, whatever order they came in."""
    return (price.country is not None, *_age(price), price.currency)


def _keep_newest(facts: dict[K, F], key: K, fact: F) -> None:
    held = facts.get(key)
    if held is None or fact.sequence > held.sequence:
        facts[key] = fact
