"""The offers that cases put into baskets that have to be sellable."""

from __future__ import annotations

from dataclasses import dataclass

from cli.conformance.options import OfferVersion


@dataclass(frozen=True, slots=True)
class SuiteOffers:
    """`sellable` can be ordered in the market of the run, one of each."""

    sellable: tuple[OfferVersion, ...]
    own: object | None = None
