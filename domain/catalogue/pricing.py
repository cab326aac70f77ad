"""Which of several prices counts: the most specific, then the newest of those that hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.catalogue.facts import PriceFact

MIN_TIME = datetime.min.replace(tzinfo=UTC)
MAX_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PriceQuote:
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


NO_PRICE = PriceQuote()


def price_at(prices: list[PriceFact], now: datetime) -> PriceQuote:
    """Which of the prices of one offer version in one market counts."""
    holding = _most_specific([price for price in prices if price.holds_at(now)])
    if len(holding) == 1:
        return PriceQuote(current=holding[0])
    if holding:
        newest = {price.currency: price for price in sorted(holding, key=_age)}
        if len(newest) > 1:
            return PriceQuote(undecided=tuple(newest[currency] for currency in sorted(newest)))
        return PriceQuote(current=next(iter(newest.values())))
    if not prices:
        return NO_PRICE
    over = [price for price in prices if price.over_by(now)]
    if over:
        return PriceQuote(expired=max(over, key=lambda price: (price.valid_until or now, *_rank(price))))
    ahead = sorted(prices, key=_rank, reverse=True)
    return PriceQuote(upcoming=min(ahead, key=lambda price: price.valid_from or now))


def _most_specific(prices: list[PriceFact]) -> list[PriceFact]:
    of_country = [price for price in prices if price.country is not None]
    return of_country or prices


def _age(price: PriceFact) -> tuple[int, datetime]:
    """Orders prices for one country and currency; two of them never begin at the same moment."""
    return (price.sequence, price.valid_from or MIN_TIME)


def _rank(price: PriceFact) -> tuple[bool, int, datetime, str]:
    """Orders prices of several countries and currencies, whatever order they came in."""
    return (price.country is not None, *_age(price), price.currency)
