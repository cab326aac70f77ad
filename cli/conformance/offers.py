"""The offers that cases put into baskets that have to be sellable, and the suite's own catalogue of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from cli.conformance.options import OfferVersion
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact

V1, V2 = "v-1", "v-2"
MANY = 1_000
SCARCE = 3
"""How many of the scarce offer there are."""

LIMITED = {"min": 2, "max": 10, "step": 2}
"""The rule of the limited offer's quantity."""


class CatalogueWriter(Protocol):
    """Writes facts into the catalogue of the service under test."""

    async def publish(self, facts: Sequence[Fact]) -> None: ...

    async def withdraw(self, facts: Sequence[Fact]) -> None:
        """Takes the facts back as if they had never been."""
        ...


class OwnCatalogue:
    """Offers that only the organisation of the run may sell, in its market. Their ids are new in each run."""

    def __init__(self, writer: CatalogueWriter, prefix: str, organisation: str, country: str, currency: str) -> None:
        self._writer = writer
        self._prefix = prefix
        self._organisation = organisation
        self._country = country
        self._currency = currency
        self._published: list[Fact] = []
        self.plain = self._named("plain")
        self.second = self._named("second")
        self.limited = self._named("limited")
        self.scarce = self._named("scarce")
        self.blocked = self._named("blocked")
        self.superseded = self._named("superseded")
        self.successor = OfferVersion(self.superseded.id, V2)
        self.add_on = self._named("add-on")
        self.monthly = self._named("monthly")
        self.yearly = self._named("yearly")
        self.fraction = self._named("fraction")
        self.elsewhere = self._named("elsewhere")

    def _named(self, name: str) -> OfferVersion:
        return OfferVersion(f"conformance-{self._prefix}-{name}", V1)

    async def publish_all(self) -> None:
        """Publishes what all cases share."""
        await self.publish(
            *self.facts(self.plain, "10.00"),
            *self.facts(self.second, "2.50"),
            *self.facts(self.limited, "1.00", quantity=LIMITED),
            *self.facts(self.scarce, "1.00", left=SCARCE),
            *self.facts(self.blocked, "1.00", status="blocked"),
            *self.facts(self.superseded, "3.00"),
            *self.facts(self.successor, "4.00", sequence=2),
            *self.facts(self.add_on, "0.50", addOnTo=[self.plain.id]),
            *self.facts(self.monthly, "5.00", interval="P1M"),
            *self.facts(self.yearly, "50.00", interval="P1Y"),
            *self.facts(self.fraction, "1.005"),
            *self.facts(self.elsewhere, "1.00", countries=["FR" if self._country != "FR" else "GB"]),
        )

    def facts(
        self,
        offer: OfferVersion,
        amount: str,
        *,
        interval: str | None = None,
        left: int = MANY,
        status: str = "available",
        sequence: int = 1,
        **conditions: Any,
    ) -> list[Fact]:
        """An offer version with its price and its product. `left` is how many of the product there are."""
        product = f"{offer.id}-product"
        made = {
            "id": offer.id,
            "version": offer.version,
            "name": "Conformance",
            "products": [{"productCode": product, "path": f"/products/{product}", "quantity": 1}],
            "status": "published",
            "partners": [self._organisation],
            "sequence": sequence,
            **conditions,
        }
        available = {"productCode": product, "partner": self._organisation, "status": status, "quantity": left}
        return [
            OfferFact.model_validate(made),
            self.price(offer, amount, interval=interval, sequence=sequence),
            AvailabilityFact.model_validate({**available, "sequence": sequence}),
        ]

    def price(self, offer: OfferVersion, amount: str, *, interval: str | None = None, sequence: int = 1) -> PriceFact:
        return PriceFact(
            offer_id=offer.id,
            offer_version=offer.version,
            partner=self._organisation,
            currency=self._currency,
            amount=Decimal(amount),
            interval=interval,
            sequence=sequence,
        )

    async def publish(self, *facts: Fact) -> None:
        """Publishes facts, which are withdrawn when the run ends."""
        self._published += facts
        await self._writer.publish(facts)

    async def withdraw_all(self) -> None:
        await self._writer.withdraw(self._published)


@dataclass(frozen=True, slots=True)
class SuiteOffers:
    """`sellable` can be ordered in the market of the run, one of each. `own`: the catalogue of the suite."""

    sellable: tuple[OfferVersion, ...]
    own: OwnCatalogue | None = None
