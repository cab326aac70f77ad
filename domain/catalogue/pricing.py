"""Which of several prices counts: the most specific of those that hold, then the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.catalogue.facts import PriceFact

MIN_TIME = datetime.min.replace(tzinfo=UTC)
MAX_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """The `current` price; without one the last `expired` price; without that the next `upcoming` one.

    `ambiguous` holds the prices in several currencies that hold in a market without a currency.
    """

    current: PriceFact | None = None
    expired: PriceFact | None = None
    upcoming: PriceFact | None = None
    ambiguous: tuple[PriceFact, ...] = ()

    @property
    def fact(self) -> PriceFact | None:
        return self.current or self.expired or self.upcoming

    @property
    def facts(self) -> tuple[PriceFact, ...]:
        """All facts that the quote rests on."""
        return (self.fact,) if self.fact is not None else self.ambiguous

    @property
    def holding(self) -> tuple[PriceFact, ...]:
        """The prices that hold at the moment of the quote."""
        return (self.current,) if self.current is not None else self.ambiguous


NO_PRICE = PriceQuote()


def price_at(prices: list[PriceFact], now: datetime) -> PriceQuote:
    """The quote from all prices of one offer version in one market."""
    holding = [price for price in prices if price.holds_at(now)]
    if len(holding) > 1:
        holding = [price for price in holding if price.partner is not None] or holding
        holding = [price for price in holding if price.country is not None] or holding
    if len(holding) == 1:
        return PriceQuote(current=holding[0])
    if holding:
        newest = {price.currency: price for price in sorted(holding, key=_recency)}
        if len(newest) > 1:
            return PriceQuote(ambiguous=tuple(newest[currency] for currency in sorted(newest)))
        return PriceQuote(current=next(iter(newest.values())))
    if not prices:
        return NO_PRICE
    expired = [price for price in prices if price.expired_at(now)]
    if expired:
        return PriceQuote(expired=max(expired, key=lambda price: (price.valid_until or now, *_precedence(price))))
    upcoming = sorted(prices, key=_precedence, reverse=True)
    return PriceQuote(upcoming=min(upcoming, key=lambda price: price.valid_from or now))


def _recency(price: PriceFact) -> tuple[int, datetime]:
    """Orders prices of one partner, country and currency; no two of them begin at the same moment."""
    return (price.sequence, price.valid_from or MIN_TIME)


def _precedence(price: PriceFact) -> tuple[bool, bool, int, datetime, str]:
    """Orders prices of several markets, independent of the order of arrival."""
    return (price.partner is not None, price.country is not None, *_recency(price), price.currency)
