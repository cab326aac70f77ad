"""Facts that contradict themselves. Checked where a fact comes in, and not where it was stored: what was learned
before a rule stays readable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact, QuantityRule
from domain.catalogue.policies import PolicyFact

FactProblem = tuple[str, str]
"""Where it stands (a JSON pointer), and what is wrong, in words."""


def find_contradictions(fact: Fact) -> Iterator[FactProblem]:
    """All that a fact says against itself."""
    match fact:
        case OfferFact():
            yield from _window("onSale", fact.on_sale_from, fact.on_sale_until)
            if fact.quantity is not None:
                yield from _quantity(fact.quantity)
        case PriceFact():
            yield from _window("valid", fact.valid_from, fact.valid_until)
        case AvailabilityFact() | PolicyFact():
            pass
        case _:
            assert_never(fact)


def _window(name: str, begins: datetime | None, ends: datetime | None) -> Iterator[FactProblem]:
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
