"""Random baskets with catalogues and policies in which a few things are wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact, OfferFact
from domain.catalogue.policies import Level
from domain.shared.findings import CheckCode, Finding
from domain.shared.money import ExpectedPrice
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from tests.builders import NOW, availability, basket, catalogue, line, money, offer, policy, price

DAY = timedelta(days=1)
OFFERS = ("o-1", "o-2", "o-3", "o-4")
ADD_ONS = ("a-1", "a-2")
PRODUCTS = ("SKU-1", "SKU-2", "SKU-3", "SKU-4")


@dataclass
class RandomCase:
    """A basket and facts. `trouble` is how likely each thing is wrong; the case depends on `dice` alone."""

    dice: random.Random
    trouble: float = 0.0
    facts: list[Fact] = field(default_factory=list)
    lines: dict[tuple[object, ...], OrderItem] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trouble = self.dice.choice([0.02, 0.05, 0.15])
        for id in (*OFFERS, *ADD_ONS):
            self._add_offer(id, "v-1", self.dice.randint(1, 3))
            if self._happens():
                self._add_offer(id, "v-2", self.dice.randint(1, 3))
        for code in PRODUCTS:
            if self._happens(3):
                self.facts.append(availability(code, quantity=self.dice.randint(-1, 30)))
            elif self._happens():
                self.facts.append(availability(code, status=self._one_of("out_of_stock", "blocked", "discontinued")))
            if self._happens(2):
                # Some hold for a while, or not yet, or no more.
                begins, ends = self._one_of((None, NOW), (NOW, NOW + DAY), (NOW + DAY, None))
                quantity, partner = self.dice.randint(-1, 30), self._one_of(None, "acme", "globex")
                self.facts.append(
                    availability(
                        code, quantity=quantity, partner=partner, valid_from=begins, valid_until=ends, sequence=2
                    )
                )
        if self._happens(2):
            self.facts.append(self._policy())
        for number in range(self.dice.randint(1, 8)):
            self._add_line(f"line-{number}")

    @property
    def basket(self) -> Basket:
        return basket(*self.lines.values(), currency=None if self.dice.random() < 0.1 else "GBP")

    @property
    def catalogue(self) -> Catalogue:
        return catalogue(*self.facts)

    def _happens(self, times: float = 1) -> bool:
        return self.dice.random() < self.trouble * times

    def _one_of(self, *values: Any) -> Any:
        return self.dice.choice(values)

    def _unusual(self, *values: Any, usual: Any = None) -> Any:
        return self._one_of(*values) if self._happens() else usual

    def _add_offer(self, id: str, version: str, sequence: int) -> None:
        if self._happens(0.5):
            return
        fact = offer(
            f"{id}@{version}",
            products=[self._one_of(*PRODUCTS) for _ in range(self.dice.randint(0, 2))],
            each_product=self._unusual(2, 3, usual=1),
            status=self._unusual("withdrawn", "draft", usual="published"),
            on_sale_from=self._unusual(NOW + DAY),
            on_sale_until=self._unusual(NOW, NOW + DAY),
            countries=self._unusual(["DE"], ["GB"]),
            partners=self._unusual(["globex"], ["acme"]),
            quantity=self._rule() if self._happens(4) else None,
            add_on_to=[*OFFERS[: self.dice.randint(1, 4)]] if id in ADD_ONS else self._unusual(["o-1"]),
            incompatible_with=self._unusual(["o-1"], ["o-2", "a-1"], ["o-4"], usual=[]),
            sequence=sequence,
        )
        self.facts.append(fact)
        if not self._happens():
            amount = self._unusual("12.00", "10.50", usual="10.00")
            ends = self._unusual(NOW - DAY, NOW + timedelta(hours=1))
            self.facts.append(price(f"{id}@{version}", amount, valid_until=ends))
        if self._happens():
            self.facts.append(price(f"{id}@{version}", "11.00", "EUR"))
        if self._happens():
            self.facts.append(price(f"{id}@{version}", "9.00", partner=self._one_of("acme", "globex"), sequence=2))

    def _rule(self) -> dict[str, int]:
        parts = {"min": self.dice.randint(1, 6), "max": self.dice.randint(2, 12), "step": self.dice.randint(1, 4)}
        return {name: value for name, value in parts.items() if self.dice.random() < 0.5}

    def _policy(self) -> Fact:
        codes = [self._one_of(*get_args(CheckCode)) for _ in range(self.dice.randint(0, 2))]
        return policy(
            self._one_of(None, "acme"),
            checks={code: self._one_of(*get_args(Level)) for code in codes},
            maximum_lines=self._one_of(None, 2, 4),
            maximum_total=self._one_of(None, [{"amount": self._one_of("75.50", "200"), "currency": "GBP"}]),
            price_tolerance=self._one_of(None, {"percent": "20"}),
        )

    def _add_line(self, id: str) -> None:
        parents = [each.id for each in self.lines.values() if each.type == "offer"]
        is_add_on = bool(parents) and self.dice.random() < 0.3
        known = [each for each in self.facts if isinstance(each, OfferFact) and (each.id in ADD_ONS) == is_add_on]
        ref = self._unusual(
            "x-1", usual=f"{fact.id}@{fact.version}" if (fact := self._one_of(*known * 5, None)) else "x-2"
        )
        parent_id = self._unusual(None, usual=self._one_of(*parents)) if is_add_on else None
        made = line(
            id,
            ref,
            self.dice.randint(1, 9),
            price=self._unusual(money("11.00"), money("10.00", "EUR"), usual=money("10.00")),
            products=[self._one_of(*PRODUCTS) for _ in range(self.dice.randint(0, 2))],
            type="add_on" if is_add_on else "offer",
            parent_id=parent_id,
            expected_price=self._unusual(money("10.00"), money("12.00"), ExpectedPrice.of(money("10.00"))),
        )
        # An update never makes two lines of one offer version, type and parent.
        self.lines.setdefault((ref, made.type, parent_id), made)


def cases() -> st.SearchStrategy[RandomCase]:
    return st.randoms(use_true_random=True).map(RandomCase)


ErrorSubject = tuple[str, str | None]


def errors_of(given: Basket, known: Catalogue) -> set[ErrorSubject]:
    """The codes of the errors, each with every line that it is about; None for the basket as a whole."""
    findings = run_checks(build_context(given, known, NOW, NO_POLICY_TERMS)).findings
    errors = [finding for finding in findings if finding.severity == "error"]
    return {(error.code, id) for error in errors for id in error.line_ids or (None,)}


def is_callers(finding: Finding) -> bool:
    return finding.severity == "error" and finding.resolution == "change_basket"
