"""What the catalogue says, one fact a message. The same models read the catalogue topics and the lines
of `checkout catalogue load`; contract.md gives the shapes.

A fact's id is made of what it speaks of and its sender's `sequence`, so that the same message, however
often it arrives and wherever it is read again, is the same fact.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from domain.catalogue.fact_ids import (
    Epoch,
    Sequence,
    fact_id,
    subject_of,
)
from domain.catalogue.policies import PolicyFact
from domain.shared.eventsourcing import Value
from domain.shared.values import (
    WHOLE_NUMBER,
    Amount,
    Country,
    Currency,
    Identifier,
    Money,
    PartnerOrganisation,
    Product,
    Text,
    Timestamp,
)


class QuantityRule(Value):
    """How many of an offer version one may order, summed over all lines of it; None is no limit."""

    min: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = None
    """The fewest."""
    max: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = None
    """The most."""
    step: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = None
    """It is ordered in multiples of it."""


class OfferFact(Value):
    """One version of an offer. None or left out means no limit, or everywhere."""

    kind: Literal["offer"] = "offer"
    """What kind of fact it is."""
    id: Identifier
    """The offer's id."""
    version: Identifier
    """The offer's version."""
    name: Text | None = None
    """What the offer is called."""
    path: Text | None = None
    """Where the offer is shown."""
    products: tuple[Product, ...] = ()
    """The products that the offer is made of; one that it holds twice is named twice."""
    status: Literal["draft", "published", "withdrawn"]
    """Whether it is sold: only published offers are."""
    on_sale_from: Timestamp | None = None
    """From when on it is sold."""
    on_sale_until: Timestamp | None = None
    """Until when it is sold, that moment not included."""
    countries: tuple[Country, ...] | None = None
    """Where it is sold."""
    partners: tuple[PartnerOrganisation, ...] | None = None
    """The partner organisations that it is for."""
    quantity: QuantityRule | None = None
    """How many of it a basket may hold."""
    add_on_to: tuple[Identifier, ...] | None = None
    """The offers that it may hang under as an add-on; null for an offer that is no add-on."""
    incompatible_with: tuple[Identifier, ...] = ()
    """The offers that may not be in one basket with it."""
    sequence: Sequence
    """The sender's own version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        return subject_of("offer", self.id, self.version)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)


class PriceFact(Value):
    """The price of one unit of an offer version, where and while it holds.

    Facts about the same offer version, country, currency and `validFrom` are versions of one price; one
    with another `validFrom` is a price of its own, so that a year of prices can be said in advance.
    """

    kind: Literal["price"] = "price"
    """What kind of fact it is."""
    offer_id: Identifier
    """The offer's id."""
    offer_version: Identifier
    """The offer's version."""
    country: Country | None = None
    """Where the price holds."""
    currency: Currency
    """The currency, ISO 4217."""
    amount: Amount
    """The price of one, as a decimal string."""
    valid_from: Timestamp | None = None
    """From when on it holds."""
    valid_until: Timestamp | None = None
    """Until when it holds, that moment not included."""
    sequence: Sequence
    """The sender's own version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        start = self.valid_from.isoformat() if self.valid_from else None
        return subject_of("price", self.offer_id, self.offer_version, self.country, self.currency, start)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    def holds_at(self, now: datetime) -> bool:
        begins, ends = self.valid_from, self.valid_until
        return (begins is None or begins <= now) and (ends is None or now < ends)

    def over_by(self, now: datetime) -> bool:
        return self.valid_until is not None and self.valid_until <= now


class AvailabilityFact(Value):
    """Whether a product can be had, where, for whom, and how many are left (None: no limit)."""

    kind: Literal["availability"] = "availability"
    """What kind of fact it is."""
    product_code: Identifier
    """The product's code."""
    country: Country | None = None
    """Where it holds."""
    partner: PartnerOrganisation | None = None
    """The partner organisation that it holds for."""
    status: Literal["available", "out_of_stock", "blocked", "discontinued"]
    """Whether the product can be had."""
    quantity: Annotated[int, Field(ge=-(2**63), le=2**63 - 1), WHOLE_NUMBER] | None = None
    """How many can be had; null is no limit. Fewer than none, as stock that was sold twice is counted, is none."""
    reason: Text | None = None
    """Why, for people; findings repeat it."""
    sequence: Sequence
    """The sender's own version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        return subject_of("availability", self.product_code, self.country, self.partner)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)


FactKind = Literal["offer", "price", "availability", "policy"]

Fact = OfferFact | PriceFact | AvailabilityFact | PolicyFact

FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="kind")])
"""Reads and checks one fact with its `kind`."""
