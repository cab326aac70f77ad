"""Country and currency codes that no standard has. Checked where a fact comes in, like contradictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from pydantic_core import PydanticCustomError

from domain.catalogue.fact_problems import FactProblem
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.shared.iso_codes import country_code, currency_code
from domain.shared.values import Money


def find_unknown_codes(fact: Fact) -> Iterator[FactProblem]:
    """Where a fact has a code that is none, and why it is none."""
    match fact:
        case OfferFact():
            for place, country in enumerate(fact.countries or ()):
                yield from _unknown(f"/countries/{place}", country_code, country)
        case PriceFact():
            yield from _unknown("/country", country_code, fact.country)
            yield from _unknown("/currency", currency_code, fact.currency)
        case AvailabilityFact():
            yield from _unknown("/country", country_code, fact.country)
        case PolicyFact():
            tolerance = fact.price_tolerance
            yield from _of_amounts("/priceTolerance/amounts", tolerance.amounts if tolerance else ())
            yield from _of_amounts("/maximumTotal", fact.maximum_total or ())
        case _:
            assert_never(fact)


def _of_amounts(pointer: str, amounts: tuple[Money, ...]) -> Iterator[FactProblem]:
    for place, money in enumerate(amounts):
        yield from _unknown(f"{pointer}/{place}/currency", currency_code, money.currency)


def _unknown(pointer: str, known: Callable[[str], str], code: str | None) -> Iterator[FactProblem]:
    try:
        if code is not None:
            known(code)
    except PydanticCustomError as error:
        yield pointer, error.message()
