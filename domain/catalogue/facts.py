"""The facts of the catalogue, one fact a message. The same models read the catalogue topics and the lines of
`checkout catalogue load`.

A fact's id consists of its subject and its sender's `sequence`. So the same message is the same fact, however often
it arrives.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from domain.catalogue.fact_ids import Epoch, Sequence, fact_id, subject_of
from domain.catalogue.policies import PolicyFact
from domain.shared.eventsourcing import Value
from domain.shared.money import Amount, Interval, Price
from domain.shared.values import (
    ARRIVING_WHOLE_NUMBER,
    NO_ENTRIES,
    Country,
    Currency,
    Identifier,
    PartnerOrganisation,
    Product,
    Text,
    Timestamp,
)


class QuantityRule(Value):
    """How many of an offer version may be ordered, summed over all its lines; None is no limit."""

    min: Annotated[int, Field(ge=1), ARRIVING_WHOLE_NUMBER] | None = None
    """The fewest."""
    max: Annotated[int, Field(ge=1), ARRIVING_WHOLE_NUMBER] | None = None
    """The most."""
    step: Annotated[int, Field(ge=1), ARRIVING_WHOLE_NUMBER] | None = None
    """The quantity must be a multiple of this."""


class OfferFact(Value):
    """One version of an offer. None or left out means no limit, or everywhere."""

    kind: Literal["offer"] = "offer"
    """The kind of fact."""
    id: Identifier
    """The offer's id."""
    version: Identifier
    """The offer's version."""
    name: Text | None = None
    """The offer's name."""
    path: Text | None = None
    """Where the offer is shown."""
    products: Annotated[tuple[Product, ...], NO_ENTRIES] = ()
    """The products of the offer; a product that is listed twice counts twice."""
    status: Literal["draft", "published", "withdrawn"]
    """Only published offers are sold."""
    on_sale_from: Timestamp | None = None
    """When the sale begins."""
    on_sale_until: Timestamp | None = None
    """When the sale ends; this moment is excluded."""
    countries: tuple[Country, ...] | None = None
    """The countries in which it is sold."""
    partners: tuple[PartnerOrganisation, ...] | None = None
    """The partner organisations that may sell it."""
    quantity: QuantityRule | None = None
    """How many of it a basket may hold."""
    add_on_to: tuple[Identifier, ...] | None = None
    """The offers to which it may be added as an add-on; null for an offer that is no add-on."""
    incompatible_with: Annotated[tuple[Identifier, ...], NO_ENTRIES] = ()
    """The offers that may not be in the same basket."""
    sequence: Sequence
    """The sender's version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        return subject_of("offer", self.id, self.version)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)


class PriceFact(Value):
    """The price of one unit of an offer version, for a market and a period.

    Facts about the same offer version, partner, country, currency and `validFrom` are versions of one price. A fact
    with another `validFrom` is another price, so that a year of prices can be published in advance.
    """

    kind: Literal["price"] = "price"
    """The kind of fact."""
    offer_id: Identifier
    """The offer's id."""
    offer_version: Identifier
    """The offer's version."""
    partner: PartnerOrganisation | None = None
    """The partner organisation for which the price holds."""
    country: Country | None = None
    """The country in which the price holds."""
    currency: Currency
    """The currency, ISO 4217."""
    amount: Amount
    """The price of one unit, as a decimal string."""
    interval: Interval | None = None
    """The time between two payments, an ISO 8601 duration such as P1M; null for a price that is paid once."""
    valid_from: Timestamp | None = None
    """When the price begins."""
    valid_until: Timestamp | None = None
    """When the price ends; this moment is excluded."""
    sequence: Sequence
    """The sender's version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        start = self.valid_from.isoformat() if self.valid_from else None
        subject = subject_of("price", self.offer_id, self.offer_version, self.country, self.currency, start)
        # Prices for everybody keep the subjects that they had before there were prices for a partner.
        return subject if self.partner is None else f"{subject}/{subject_of(self.partner)}"

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)

    @property
    def money(self) -> Price:
        return Price.construct_trusted(amount=self.amount, currency=self.currency, interval=self.interval)

    def holds_at(self, now: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= now) and not self.expired_at(now)

    def expired_at(self, now: datetime) -> bool:
        return self.valid_until is not None and self.valid_until <= now


class AvailabilityFact(Value):
    """Whether a product is available, in which country, for which partner and when, and how many are left.

    Facts about the same product, partner, country and `validFrom` are versions of one fact. A fact with another
    `validFrom` is another fact, so that a block or a delivery can be published in advance.
    """

    kind: Literal["availability"] = "availability"
    """The kind of fact."""
    product_code: Identifier
    """The product's code."""
    country: Country | None = None
    """The country for which it holds."""
    partner: PartnerOrganisation | None = None
    """The partner organisation for which it holds."""
    status: Literal["available", "out_of_stock", "blocked", "discontinued"]
    """Whether the product is available."""
    quantity: Annotated[int, Field(ge=-(2**63), le=2**63 - 1), ARRIVING_WHOLE_NUMBER] | None = None
    """How many are available; null is no limit. A negative number, as for stock that was sold twice, counts as 0."""
    reason: Text | None = None
    """The reason, for people; findings repeat it."""
    valid_from: Timestamp | None = None
    """When the fact begins to hold."""
    valid_until: Timestamp | None = None
    """When the fact ceases to hold; this moment is excluded."""
    sequence: Sequence
    """The sender's version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        subject = subject_of("availability", self.product_code, self.country, self.partner)
        # Facts without a beginning keep the subjects that they had before there were periods.
        return subject if self.valid_from is None else f"{subject}/{subject_of(self.valid_from.isoformat())}"

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)

    def holds_at(self, now: datetime) -> bool:
        begins, ends = self.valid_from, self.valid_until
        return (begins is None or begins <= now) and (ends is None or now < ends)


FactKind = Literal["offer", "price", "availability", "policy"]

Fact = OfferFact | PriceFact | AvailabilityFact | PolicyFact

FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="kind")])
"""Reads and checks one fact with its `kind`."""

FACTS: TypeAdapter[list[Fact]] = TypeAdapter(list[Annotated[Fact, Field(discriminator="kind")]])
"""Reads and checks a JSON array of facts."""
