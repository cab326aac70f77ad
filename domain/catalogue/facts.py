"""What the catalogue says, one fact a message. The same models read the catalogue topics and the lines
of `checkout catalogue load`; contract.md gives the shapes.

A fact's id is made of what it speaks of and its sender's `sequence`, so that the same message, however
often it arrives and wherever it is read again, is the same fact.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter

from domain.base import Value
from domain.values import Amount, Country, Currency, Identifier, Money, PartnerOrganisation, Product, Text

Sequence = Annotated[int, Field(ge=0, lt=2**63, description="The sender's version of this fact.")]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time must lie in the years 1 to 9999 in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with an offset, kept in UTC: the same moment is the same fact, however it was written."""


_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "*": "%2A"})


def _name(*parts: str | None) -> str:
    # The separators are escaped inside a part: "a/b" + "c" is another subject than "a" + "b/c".
    return "/".join("*" if part is None else part.translate(_ESCAPES) for part in parts)


class QuantityRule(Value):
    """How many of an offer one may order; None is no limit."""

    min: Annotated[int, Field(ge=1)] | None = None
    max: Annotated[int, Field(ge=1)] | None = None
    step: Annotated[int, Field(ge=1)] | None = None


class OfferFact(Value):
    """One version of an offer. None or left out means no limit, or everywhere."""

    kind: Literal["offer"] = "offer"
    id: Identifier
    version: Identifier
    name: Text | None = None
    path: Text | None = None
    products: tuple[Product, ...] = ()
    status: Literal["draft", "published", "withdrawn"]
    on_sale_from: Moment | None = None
    on_sale_until: Moment | None = None
    countries: tuple[Country, ...] | None = None
    partners: tuple[PartnerOrganisation, ...] | None = None
    quantity: QuantityRule | None = None
    add_on_to: tuple[Identifier, ...] | None = None
    incompatible_with: tuple[Identifier, ...] = ()
    sequence: Sequence

    @property
    def subject(self) -> str:
        return _name("offer", self.id, self.version)

    @property
    def fact_id(self) -> str:
        return f"{self.subject}#{self.sequence}"

    @property
    def message_key(self) -> str:
        return self.id


class PriceFact(Value):
    """The price of one unit of an offer version, where and while it holds.

    Facts about the same offer version, country, currency and `validFrom` are versions of one price; one
    with another `validFrom` is a price of its own, so that a year of prices can be said in advance.
    """

    kind: Literal["price"] = "price"
    offer_id: Identifier
    offer_version: Identifier
    country: Country | None = None
    currency: Currency
    amount: Amount
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    sequence: Sequence

    @property
    def subject(self) -> str:
        start = self.valid_from.isoformat() if self.valid_from else None
        return _name("price", self.offer_id, self.offer_version, self.country, self.currency, start)

    @property
    def fact_id(self) -> str:
        return f"{self.subject}#{self.sequence}"

    @property
    def message_key(self) -> str:
        return self.offer_id

    @property
    def money(self) -> Money:
        return Money(amount=Decimal(self.amount), currency=self.currency)

    def holds_at(self, now: datetime) -> bool:
        return self.begun_by(now) and not self.over_by(now)

    def begun_by(self, now: datetime) -> bool:
        return self.valid_from is None or self.valid_from <= now

    def over_by(self, now: datetime) -> bool:
        return self.valid_until is not None and self.valid_until <= now


class AvailabilityFact(Value):
    """Whether a product can be had, where, for whom, and how many are left (None: no limit)."""

    kind: Literal["availability"] = "availability"
    product_code: Identifier
    country: Country | None = None
    partner: PartnerOrganisation | None = None
    status: Literal["available", "out_of_stock", "blocked", "discontinued"]
    quantity: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    reason: Text | None = None
    sequence: Sequence

    @property
    def subject(self) -> str:
        return _name("availability", self.product_code, self.country, self.partner)

    @property
    def fact_id(self) -> str:
        return f"{self.subject}#{self.sequence}"

    @property
    def message_key(self) -> str:
        return self.product_code


Fact = OfferFact | PriceFact | AvailabilityFact

FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="kind")])
"""Reads and checks one fact with its `kind`."""
