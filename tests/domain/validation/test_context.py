"""Which lines and products checks skip."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact, OfferFact, PriceFact
from domain.catalogue.offer_index import OfferEntry, OfferQuote
from domain.catalogue.policies import PolicyTerms
from domain.shared.values import Market
from domain.validation.checks import CHECKS
from domain.validation.context import ValidationContext
from domain.validation.context_items import BasketLine, ProductStock
from domain.validation.policy import ValidationPolicy
from tests.builders import NOW, availability, basket, catalogue, line, money, offer, price, ref
from tests.domain.validation.test_verdict_properties import CODES, OFFERS, facts, moments, some_lines

unconditional = st.lists(
    st.builds(
        offer,
        st.sampled_from(OFFERS),
        products=st.lists(st.sampled_from(CODES), max_size=2),
        each_product=st.integers(1, 3),
    ),
    unique_by=lambda fact: fact.id,
)


def context_of(given: Basket, known: Catalogue, now: datetime = NOW) -> ValidationContext:
    return ValidationContext.of(given, known, now, ValidationPolicy.resolve(known.policies("acme"), PolicyTerms()))


def checking_all(seen: ValidationContext, known: Catalogue) -> ValidationContext:
    """The same with every line and every product to check."""
    needing: dict[str, list[tuple[BasketLine, int]]] = {}
    for each in seen.lines:
        for product in each.products:
            needing.setdefault(product.product_code, []).append((each, product.quantity))
    stocks = [
        ProductStock(
            code,
            sum(each.item.quantity * quantity for each, quantity in needs),
            tuple({each.item_index: each for each, _ in needs}.values()),
            known.availability(code, seen.basket.market, seen.now),
        )
        for code, needs in needing.items()
    ]
    return replace(seen, lines_to_check=seen.lines, stocks_to_check=tuple(stocks))


@given(some_lines(), unconditional, facts, moments)
def test_checks_find_nothing_on_items_that_need_no_check(
    lines: list[OrderItem], plain: list[Fact], said: list[Fact], moment: datetime | None
) -> None:
    given = basket(*lines)
    known = catalogue(*plain, *said)
    seen = context_of(given, known, moment or NOW)
    everything = checking_all(seen, known)
    for check in CHECKS:
        found = [*check.find(everything)]
        assert [*check.find(seen)] == found, check.code
        assert not found or check.scope in seen.scopes_to_check, check.code


def test_only_plain_lines_at_the_offers_price_need_no_check() -> None:
    known = catalogue(offer("o-1"), price("o-1"), offer("o-2", countries=["GB"]), price("o-2"))
    plain = line("plain")
    others = [
        line("another price", price=money("9.00")),
        line("another currency", price=money("10.00", "EUR")),
        line("another interval", price=money("10.00", interval="P1M")),
        line("an expectation", expected_price=money("10.00")),
        line("an add-on", parent_id="plain"),
        line("an offer with conditions", "o-2"),
        line("an unknown offer", "x-1"),
    ]
    seen = context_of(basket(plain, *others), known)
    assert [each.item.id for each in seen.lines_to_check] == [each.id for each in others]


@pytest.mark.parametrize(
    ("said", "needs_check"),
    [
        ({"quantity": None}, False),
        ({"quantity": 5}, False),
        ({"quantity": 4}, True),
        ({"quantity": 0}, True),
        ({"status": "blocked"}, True),
    ],
)
def test_products_with_plenty_of_stock_need_no_check(said: dict[str, object], needs_check: bool) -> None:
    fact = availability("SKU-1", **said)
    seen = context_of(basket(line("line-1", quantity=2)), catalogue(offer("o-1"), fact))
    assert [stock.code for stock in seen.stocks_to_check] == (["SKU-1"] if needs_check else [])
    assert seen.availability_ids == (fact.fact_id,)


minutes = st.integers(0, 8).map(lambda minutes: NOW + timedelta(minutes=minutes))
minutely_prices = st.lists(
    st.builds(
        price,
        st.sampled_from(["o-1", "o-1@v-2"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["GBP", "EUR"]),
        partner=st.sampled_from([None, "acme", "globex"]),
        country=st.none() | st.just("GB"),
        valid_from=st.none() | minutes,
        valid_until=st.none() | minutes,
        sequence=st.integers(0, 2),
    ),
    max_size=8,
)
markets = st.builds(
    Market,
    partner=st.sampled_from(["acme", "globex", "initech"]),
    country=st.none() | st.just("GB"),
    currency=st.none() | st.just("GBP"),
)
asked = st.tuples(st.sampled_from(["v-1", "v-2"]), markets, minutes)


@given(
    minutely_prices,
    st.none() | minutes,
    st.none() | minutes,
    st.lists(asked, min_size=1, max_size=12),
)
def test_a_cached_quote_equals_a_new_one(
    prices: list[PriceFact],
    begins: datetime | None,
    ends: datetime | None,
    questions: list[tuple[str, Market, datetime]],
) -> None:
    said: list[OfferFact | PriceFact] = [
        offer("o-1", on_sale_from=begins, on_sale_until=ends),
        offer("o-1@v-2", sequence=2),
        *prices,
    ]
    remembering = OfferEntry(said)
    for version, market, now in questions:
        answer = remembering.quote(version, market, now)
        anew = OfferEntry(said).quote(version, market, now)
        assert _without_period(answer) == _without_period(anew)
        assert answer.since <= now < answer.until
        assert answer.price == catalogue(*said).price(ref(f"o-1@{version}"), market, now)
        for moment in (begins, ends):
            assert moment is None or version == "v-2" or not answer.since < moment < answer.until


def _without_period(quote: OfferQuote) -> dict[str, object]:
    return {**asdict(quote), "since": None, "until": None}
