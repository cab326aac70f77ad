"""Which of several facts wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue.epochs import withdrawal_of
from domain.catalogue.facts import FACT
from domain.catalogue.offer_index import OfferEntry
from domain.shared.values import Market
from tests.builders import NOW, SECOND, availability, catalogue, offer, price, ref

GB = Market(partner="acme", country="GB", currency="GBP")
NOWHERE = Market(partner="acme")


def test_the_highest_sequence_of_a_fact_counts_in_any_order() -> None:
    facts = [offer("o-1", name=f"name {sequence}", sequence=sequence) for sequence in (2, 3, 1)]
    known = catalogue(*facts).offer(ref("o-1"))
    assert known is not None
    assert known.name == "name 3"


def test_versions_of_an_offer_are_kept_side_by_side() -> None:
    known = catalogue(offer("o-1@v-1", sequence=5), offer("o-1@v-2", sequence=1))
    assert known.offer(ref("o-1@v-1")) is not None
    assert known.offer(ref("o-1@v-2")) is not None


@pytest.mark.parametrize(
    ("prices", "amount"),
    [
        ([price(amount="1"), price(amount="2", country="GB")], "2"),
        ([price(amount="1", sequence=9), price(amount="2", country="GB", sequence=1)], "2"),
        ([price(amount="1"), price(amount="2", country="DE")], "1"),
        ([price(amount="1"), price(amount="2", currency="EUR", sequence=2)], "1"),
        ([price(amount="1", country="GB", sequence=9), price(amount="2", partner="acme")], "2"),
        ([price(amount="1", partner="acme", sequence=9), price(amount="2", partner="acme", country="GB")], "2"),
        ([price(amount="1"), price(amount="2", partner="globex", sequence=9)], "1"),
        ([price(amount="1"), price(amount="2", partner="acme", valid_until=NOW)], "1"),
        ([price(amount="1", sequence=1), price(amount="2", sequence=2)], "2"),
        ([price(amount="1"), price(amount="2", country="GB", valid_until=NOW)], "1"),
        ([price(amount="1"), price(amount="2", country="GB", valid_from=NOW + SECOND)], "1"),
        ([price(amount="1", sequence=1), price(amount="2", valid_from=NOW - SECOND, sequence=2)], "2"),
        ([price(amount="1", sequence=2), price(amount="2", valid_from=NOW - SECOND, sequence=1)], "1"),
        ([price(amount="1"), price(amount="2", valid_from=NOW)], "2"),
        (
            [
                price(amount="1", valid_from=NOW - 2 * SECOND),
                price(amount="2", valid_from=NOW - SECOND),
                price(amount="3", valid_from=NOW + SECOND),
            ],
            "2",
        ),
    ],
    ids=[
        "the country's before everywhere's",
        "the country's before a newer one for everywhere",
        "not another country's",
        "not another currency's",
        "the partner's before the country's",
        "the partner's in the country before the partner's",
        "not another partner's",
        "not one of the partner that is over",
        "the newest",
        "not one that is over",
        "not one that is ahead",
        "a newer one that began later",
        "a newer one without a beginning",
        "of two as new the one that began",
        "of a year of prices the one that began last",
    ],
)
def test_the_same_price_wins_in_any_order_of_facts(prices: list[Any], amount: str) -> None:
    for facts in (prices, prices[::-1]):
        current = catalogue(*facts).price(ref(), GB, NOW).current
        assert current is not None
        assert str(current.amount) == amount


def test_without_a_currency_the_most_specific_price_still_wins() -> None:
    known = catalogue(price(currency="EUR"), price(currency="GBP", country="GB"))
    current = known.price(ref(), Market(partner="acme", country="GB"), NOW).current
    assert current is not None
    assert current.currency == "GBP"


def test_without_a_currency_expired_prices_do_not_count() -> None:
    known = catalogue(price(currency="EUR", valid_until=NOW), price(currency="GBP"))
    current = known.price(ref(), NOWHERE, NOW).current
    assert current is not None
    assert current.currency == "GBP"


def test_of_expired_prices_the_last_is_quoted() -> None:
    known = catalogue(
        price(amount="1", valid_from=NOW - 9 * SECOND, valid_until=NOW - 5 * SECOND, sequence=9),
        price(amount="2", valid_from=NOW - 8 * SECOND, valid_until=NOW - SECOND),
    )
    expired = known.price(ref(), GB, NOW).expired
    assert expired is not None
    assert str(expired.amount) == "2"


def test_of_upcoming_prices_the_next_is_quoted() -> None:
    known = catalogue(
        price(amount="1", valid_from=NOW + timedelta(days=9), sequence=9),
        price(amount="2", valid_from=NOW + timedelta(days=2)),
    )
    upcoming = known.price(ref(), GB, NOW).upcoming
    assert upcoming is not None
    assert str(upcoming.amount) == "2"


def test_the_most_specific_availability_wins() -> None:
    everywhere = availability(quantity=1, sequence=9)
    here = availability(quantity=2, country="GB", sequence=9)
    ours = availability(quantity=3, partner="acme")
    ours_here = availability(quantity=4, partner="acme", country="GB")
    others = [availability(quantity=5, partner="globex"), availability(quantity=6, country="DE")]
    facts = [*others, everywhere, here, ours, ours_here]
    while len(facts) > len(others):
        for order in (facts, facts[::-1]):
            assert catalogue(*order).availability("SKU-1", GB, NOW) == facts[-1]
        facts.pop()
    assert catalogue(*others).availability("SKU-1", GB, NOW) is None


def test_of_availability_for_one_market_the_newest_that_holds_counts() -> None:
    always = availability(quantity=1, sequence=3)
    older = availability(quantity=2, valid_from=NOW, valid_until=NOW + 4 * SECOND, sequence=2)
    newer = availability(quantity=3, valid_from=NOW + SECOND, valid_until=NOW + 3 * SECOND, sequence=4)
    as_new = availability(quantity=4, valid_from=NOW + 2 * SECOND, valid_until=NOW + 3 * SECOND, sequence=4)
    for order in ([always, older, newer, as_new], [as_new, newer, older, always]):
        known = catalogue(*order)
        held = [known.availability("SKU-1", GB, NOW + seconds * SECOND) for seconds in range(-1, 5)]
        assert [fact and fact.quantity for fact in held] == [1, 1, 3, 4, 1, 1]


def test_outside_its_period_the_next_most_specific_availability_counts() -> None:
    everywhere = availability(quantity=1, valid_until=NOW + 3 * SECOND)
    here = availability(quantity=2, country="GB", valid_until=NOW + 2 * SECOND)
    ours = availability(quantity=3, partner="acme", valid_from=NOW, valid_until=NOW + SECOND)
    known = catalogue(everywhere, here, ours)
    held = [known.availability("SKU-1", GB, NOW + seconds * SECOND) for seconds in range(-1, 4)]
    assert [fact and fact.quantity for fact in held] == [2, 3, 2, 1, None]


def test_a_withdrawn_availability_of_a_period_leaves_the_others() -> None:
    always, now_only = availability(quantity=1), availability(quantity=2, valid_from=NOW, sequence=2)
    known = catalogue(always, now_only, withdrawal_of(now_only))
    assert known.availability("SKU-1", GB, NOW) == always


def test_quotes_of_partners_without_a_price_of_their_own_are_shared() -> None:
    entry = OfferEntry([offer(), price(), price(amount="8", partner="acme")])
    quotes = [entry.quote("v-1", Market(partner=each, country="GB", currency="GBP"), NOW) for each in "abcdefghij" * 9]
    assert len({id(quote) for quote in quotes}) == 1
    own = entry.quote("v-1", GB, NOW)
    assert [str(quote.plain_price) for quote in (own, quotes[0])] == ["8 GBP", "10.00 GBP"]


def test_a_market_without_a_country_gets_facts_for_all_countries() -> None:
    known = catalogue(availability(quantity=1, country="GB"), price(country="GB"))
    assert known.availability("SKU-1", NOWHERE, NOW) is None
    assert known.price(ref(), NOWHERE, NOW).fact is None


def test_an_unknown_offer_has_no_successor() -> None:
    assert catalogue(offer("o-1@v-2", sequence=9)).successor(ref("o-1@v-1")) is None


# what facts are


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (offer("a/b", version="c"), offer("a", version="b/c")),
        (availability("SKU", partner="*"), availability("SKU")),
        (price("o/1", offer_version="v"), price("o", offer_version="1/v")),
        (price(valid_from=NOW), price()),
        (price(partner="acme"), price()),
        (price(partner="a/b", valid_from=NOW), price(partner="a", valid_from=NOW)),
        (price(partner="*"), price()),
        (availability(valid_from=NOW), availability()),
        (availability(valid_from=NOW, partner="acme"), availability(valid_from=NOW)),
        # The organisation of the one looks like the beginning of the other.
        (availability(valid_from=NOW), availability(partner="2026-11-23T12:00:00+00:00")),
        (price(partner="2026-11-23T12:00:00+00:00"), price(valid_from=NOW)),
    ],
)
def test_facts_about_different_things_have_different_subjects(one: Any, other: Any) -> None:
    assert one.subject != other.subject


def test_facts_keep_the_ids_that_they_had_before_there_were_partners_and_periods() -> None:
    assert price(country="GB").fact_id == "price/o-1/v-1/GB/GBP/*#1"
    assert price(valid_from=NOW, valid_until=NOW + SECOND).fact_id == "price/o-1/v-1/*/GBP/2026-11-23T12:00:00+00:00#1"
    assert availability(country="GB", partner="acme").fact_id == "availability/SKU-1/GB/acme#1"
    assert availability(valid_until=NOW).fact_id == "availability/SKU-1/*/*#1"
    assert price(partner="a*c").fact_id == "price/o-1/v-1/*/GBP/*/a%2Ac#1"
    assert availability(valid_from=NOW).fact_id == "availability/SKU-1/*/*/2026-11-23T12:00:00+00:00#1"


def test_a_price_is_the_same_whatever_offset_its_start_is_written_in() -> None:
    london = price(valid_from="2026-11-23T12:00:00+00:00")
    assert london.subject == price(valid_from="2026-11-23T13:00:00+01:00").subject
    assert london == price(valid_from="2026-11-23T12:00:00Z")


@pytest.mark.parametrize(
    "amount",
    ["1e3", "+1", " 1", "1_000", "٣", "-1", "1.00001", "1234567890123", ".5", "5.", "NaN", "", "1\n"],
)
def test_an_amount_is_plain_digits(amount: str) -> None:
    with pytest.raises(ValidationError):
        price(amount=amount)


@pytest.mark.parametrize("amount", [10, 10.0, True, None])
def test_an_amount_is_text(amount: object) -> None:
    with pytest.raises(ValidationError):
        FACT.validate_python(
            {
                "kind": "price",
                "offerId": "o-1",
                "offerVersion": "v-1",
                "currency": "GBP",
                "amount": amount,
                "sequence": 1,
            }
        )


@pytest.mark.parametrize("amount", ["0", "0.0001", "10.00", "999999999999.9999"])
def test_an_amount_keeps_its_digits(amount: str) -> None:
    assert f'"amount":"{amount}"' in price(amount=amount).model_dump_json()


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValidationError):
        price(valid_from="2026-11-23T12:00:00")
