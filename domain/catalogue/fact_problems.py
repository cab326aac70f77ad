"""Problems inside one fact: contradictions, and country or currency codes that no standard has.

They are checked when a fact arrives, not when it is read back: facts recorded before a rule stay readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import assert_never

from pydantic_core import PydanticCustomError

from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact, QuantityRule
from domain.catalogue.policies import PolicyFact
from domain.shared.iso_codes import country_code, currency_code
from domain.shared.money import Money

FactProblem = tuple[str, str]
"""A JSON pointer into the fact, and a message for people."""


def find_unknown_codes(fact: Fact) -> Iterator[FactProblem]:
    match fact:
        case OfferFact():
            for index, country in enumerate(fact.countries or ()):
                yield from _unknown(f"/countries/{index}", country_code, country)
        case PriceFact():
            yield from _unknown("/country", country_code, fact.country)
            yield from _unknown("/currency", currency_code, fact.currency)
        case AvailabilityFact():
            yield from _unknown("/country", country_code, fact.country)
        case PolicyFact():
            tolerance = fact.price_tolerance
            yield from _unknown_currencies("/priceTolerance/amounts", tolerance.amounts if tolerance else ())
            yield from _unknown_currencies("/maximumTotal", fact.maximum_total or ())
        case _:
            assert_never(fact)


def find_contradictions(fact: Fact) -> Iterator[FactProblem]:
    match fact:
        case OfferFact():
            yield from _period("onSale", fact.on_sale_from, fact.on_sale_until)
            if fact.quantity is not None:
                yield from _quantity(fact.quantity)
        case PriceFact() | AvailabilityFact():
            yield from _period("valid", fact.valid_from, fact.valid_until)
        case PolicyFact():
            pass
        case _:
            assert_never(fact)


def _unknown_currencies(pointer: str, amounts: tuple[Money, ...]) -> Iterator[FactProblem]:
    for index, money in enumerate(amounts):
        yield from _unknown(f"{pointer}/{index}/currency", currency_code, money.currency)


def _unknown(pointer: str, require_known: Callable[[str], str], code: str | None) -> Iterator[FactProblem]:
    try:
        if code is not None:
            require_known(code)
    except PydanticCustomError as error:
        yield pointer, error.message()


def _period(name: str, begins: datetime | None, ends: datetime | None) -> Iterator[FactProblem]:
    if begins is None or ends is None or begins < ends:
        return
    when = "at the moment at which" if begins == ends else "before"
    yield f"/{name}Until", f"it ends {when} it begins ({name}From is {begins.isoformat()})"


def _quantity(rule: QuantityRule) -> Iterator[FactProblem]:
    least, most, step = rule.min or 1, rule.max, rule.step or 1
    if most is None:
        return
    if least > most:
        yield "/quantity/max", f"the most, {most}, is less than the fewest, {least}"
    elif most // step * step < least:
        yield "/quantity/step", f"no multiple of {step} lies between {least} and {most}"
