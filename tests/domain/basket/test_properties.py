"""Properties that hold for all facts and amounts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from domain.basket.codec import decode_all, encode
from domain.basket.events import BasketValidated
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.shared.money import Price
from domain.shared.values import Market, json_equal
from domain.validation.validate import validate_basket
from tests.builders import NOW, availability, basket, basket_id, catalogue, line, offer, price, ref, unpriced
from tests.builders.sums import sum_up, times

countries = st.sampled_from([None, "GB", "DE"])
currencies = st.sampled_from(["GBP", "EUR"])
partners = st.sampled_from([None, "acme", "globex"])
moments = st.none() | st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours))
sequences = st.integers(0, 3)

offer_facts = st.builds(
    offer,
    st.sampled_from(["o-1@v-1", "o-1@v-2", "o-1@v-3", "o-2@v-1"]),
    products=st.lists(st.sampled_from(["SKU-1", "SKU-2"]), max_size=2),
    each_product=st.integers(1, 3),
    status=st.sampled_from(["draft", "published", "published", "withdrawn"]),
    sequence=sequences,
)
price_facts = st.builds(
    price,
    st.sampled_from(["o-1@v-1", "o-2@v-1"]),
    st.sampled_from(["10.00", "12.00"]),
    currencies,
    partner=partners,
    country=countries,
    valid_from=moments,
    valid_until=moments,
    sequence=sequences,
)
availability_facts = st.builds(
    availability,
    st.sampled_from(["SKU-1", "SKU-2"]),
    country=countries,
    partner=partners,
    status=st.sampled_from(["available", "out_of_stock", "blocked", "discontinued"]),
    quantity=st.none() | st.integers(0, 6),
    valid_from=moments,
    valid_until=moments,
    sequence=sequences,
)


F = TypeVar("F", OfferFact, PriceFact, AvailabilityFact, OfferFact | PriceFact | AvailabilityFact)


def each_once(facts: list[F]) -> list[F]:
    """A store keeps one content for each id."""
    return list({fact.fact_id: fact for fact in facts}.values())


facts = st.lists(offer_facts | price_facts | availability_facts, max_size=14).map(each_once)
markets = st.builds(
    Market,
    partner=st.just("acme"),
    country=st.sampled_from([None, "GB"]),
    currency=st.sampled_from([None, "GBP"]),
)
GIVEN = basket(line("line-1", "o-1", 3), unpriced(line("line-2", "o-2", 2, products=["SKU-2"])))


@given(st.data(), facts, markets)
def test_a_verdict_does_not_depend_on_the_order_of_facts(
    data: st.DataObject, facts: list[Fact], market: Market
) -> None:
    given_basket = basket(
        *GIVEN.items.values(), partner=market.partner, country=market.country, currency=market.currency
    )
    shuffled = data.draw(st.permutations(facts))
    assert validate_basket(given_basket, catalogue(*facts), NOW) == validate_basket(
        given_basket, catalogue(*shuffled), NOW
    )


@given(facts)
def test_a_verdict_is_stored_whole(facts: list[Fact]) -> None:
    verdict = validate_basket(GIVEN, catalogue(*facts), NOW)
    event = BasketValidated(
        originator_id=basket_id(),
        originator_version=4,
        timestamp=NOW,
        ready=verdict.ready,
        basket_version=3,
        blocked_products=verdict.blocked_products,
        validation_errors=verdict.validation_errors,
        evidence=verdict.evidence,
    )
    assert decode_all(b"[" + encode(event) + b"]") == [event]


@given(facts)
def test_the_evidence_suffices_for_the_same_verdict(facts: list[Fact]) -> None:
    verdict = validate_basket(GIVEN, catalogue(*facts), NOW)
    named = [fact for fact in facts if fact.fact_id in verdict.evidence]
    assert validate_basket(GIVEN, catalogue(*named), NOW) == verdict


def holds(fact: PriceFact | AvailabilityFact, now: datetime) -> bool:
    return (fact.valid_from is None or fact.valid_from <= now) and (fact.valid_until is None or now < fact.valid_until)


@given(st.lists(price_facts, max_size=10).map(each_once), markets)
def test_a_price_is_chosen_by_the_written_rule(facts: list[PriceFact], market: Market) -> None:
    """The newest version of each price; in the market; valid now; the partner's before the general; then the country's
    before the general; then the newest of those, and of two equally new the one that began last. Without a currency, all candidates have the same one."""
    newest: dict[str, PriceFact] = {}
    for fact in facts:
        if fact.subject not in newest or newest[fact.subject].sequence < fact.sequence:
            newest[fact.subject] = fact
    holding = [
        fact
        for fact in newest.values()
        if (fact.offer_id, fact.offer_version) == ("o-1", "v-1")
        and fact.partner in (None, market.partner)
        and fact.country in (None, market.country)
        and market.currency in (None, fact.currency)
        and holds(fact, NOW)
    ]
    of_partner = [fact for fact in holding if fact.partner is not None]
    best = of_partner if of_partner else holding
    of_country = [fact for fact in best if fact.country is not None]
    best = of_country if of_country else best
    best.sort(key=lambda fact: fact.valid_from.timestamp() if fact.valid_from else float("-inf"))
    best.sort(key=lambda fact: fact.sequence)
    wanted = best[-1] if len({fact.currency for fact in best}) == 1 else None
    assert catalogue(*facts).price(ref("o-1"), market, NOW).current == wanted


@given(st.lists(availability_facts, max_size=10).map(each_once), markets)
def test_an_availability_is_chosen_by_the_written_rule(facts: list[AvailabilityFact], market: Market) -> None:
    """The newest version of each; that holds now; the partner's in the country, then the partner's, then the country's,
    then the general one; then the newest of those, and of two equally new the one that began last."""
    newest: dict[str, AvailabilityFact] = {}
    for fact in facts:
        if fact.subject not in newest or newest[fact.subject].sequence < fact.sequence:
            newest[fact.subject] = fact
    wanted: list[AvailabilityFact] = []
    for partner, country in [
        (market.partner, market.country),
        (market.partner, None),
        (None, market.country),
        (None, None),
    ]:
        wanted = wanted or [
            fact
            for fact in newest.values()
            if (fact.product_code, fact.partner, fact.country) == ("SKU-1", partner, country) and holds(fact, NOW)
        ]
    wanted.sort(key=lambda fact: fact.valid_from.timestamp() if fact.valid_from else float("-inf"))
    wanted.sort(key=lambda fact: fact.sequence)
    assert catalogue(*facts).availability("SKU-1", market, NOW) == (wanted[-1] if wanted else None)


amounts = st.decimals(0, Decimal("999999999999.9999"), places=4)


@given(st.lists(st.tuples(amounts, st.integers(1, 10**6)), min_size=1, max_size=50))
def test_money_is_exact(lines: list[tuple[Decimal, int]]) -> None:
    summed = sum_up([times(Price(amount=amount, currency="GBP"), quantity) for amount, quantity in lines]).total
    assert summed is not None
    assert Fraction(summed.amount) == sum(Fraction(amount) * quantity for amount, quantity in lines)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2).map(abs) | st.text("ab", max_size=2),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text("ab", max_size=1), values, max_size=2),
    max_leaves=4,
)


@given(json_values, json_values)
def test_json_values_are_equal_if_their_canonical_texts_are(one: object, other: object) -> None:
    def canonical(value: object) -> str:
        return json.dumps(value, sort_keys=True)

    assert json_equal(one, other) == (canonical(one) == canonical(other))
