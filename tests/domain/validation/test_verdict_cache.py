"""A cached verdict is the one that validating again would give."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.basket.basket import Basket
from domain.basket.decision import BasketLimits
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact
from domain.shared.findings import Assessment
from domain.validation.context import ValidationContext
from domain.validation.remedy.finder import FoundRemedy, find_remedy
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks, validate_basket
from domain.validation.verdict_cache import VerdictCache
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    availability,
    basket,
    catalogue,
    expected,
    item_id,
    line,
    money,
    offer,
    price,
)
from tests.domain.validation.test_verdict_properties import facts, some_lines

HOUR = timedelta(hours=1)


def assess(given: Basket, known: Catalogue, now: datetime) -> tuple[ValidationContext, Assessment, FoundRemedy]:
    context = build_context(given, known, now, NO_POLICY_TERMS)
    verdict = run_checks(context)
    found = find_remedy(context, known, verdict.findings, BasketLimits())
    return context, Assessment(verdict, found.remedy), found


def keep(verdicts: VerdictCache, given: Basket, known: Catalogue, now: datetime) -> None:
    context, assessment, found = assess(given.as_seen_at(now), known, now)
    verdicts.keep(context, known, assessment, found)


@given(
    some_lines(),
    facts,
    st.lists(st.integers(-72, 24 * 15).map(lambda hours: NOW + hours * HOUR), min_size=1, max_size=8),
)
def test_a_cached_verdict_equals_a_new_one_at_any_time(
    lines: list[OrderItem], facts: list[Fact], moments: list[datetime]
) -> None:
    verdicts, given, known = VerdictCache(), basket(*lines), catalogue(*facts)
    for now in (edge for moment in moments for edge in (moment - SECOND, moment)):
        seen = given.as_seen_at(now)
        _, anew, _ = assess(seen, known, now)
        found = verdicts.find(seen, known, now)
        assert found is None or found.assessment == anew
        keep(verdicts, given, known, now)
        found = verdicts.find(seen, known, now)
        assert found is not None
        assert found.assessment == anew


LINES = [line("line-1", "o-1"), line("line-2", "o-2", products=["SKU-2"])]
KNOWN = catalogue(offer("o-1"), price("o-1", valid_until=NOW + 3 * HOUR), offer("o-2", products=["SKU-2"]))


def found(given: Basket, known: Catalogue = KNOWN, now: datetime = NOW) -> bool:
    """Whether the cached verdict on the basket of these lines is valid."""
    verdicts = VerdictCache()
    keep(verdicts, basket(*LINES), KNOWN, NOW)
    return verdicts.find(given.as_seen_at(now), known, now) is not None


def test_an_unchanged_basket_has_its_verdict_cached_even_after_the_verdict_was_recorded() -> None:
    again = basket(*LINES)
    again.record_verdict(validate_basket(again, KNOWN, NOW), NOW, 1)
    assert found(again)


def test_a_changed_basket_is_validated_anew() -> None:
    first, second = LINES
    assert not found(basket(second, first)), "a finding's path says where a line stands"
    assert not found(basket(first))
    assert not found(basket(first, second.model_copy(update={"quantity": 2})))
    assert not found(basket(first, second.model_copy(update={"expected_price": expected(money("1.00"))})))
    assert not found(basket(*LINES, country="DE"))
    assert not found(basket(*LINES, partner="globex"))
    assert not found(basket(*LINES, id=f"basket-{item_id(2)}"))
    completed = basket(*LINES)
    completed.complete("order-1", NOW)
    assert not found(completed)
    cancelled = basket(*LINES)
    cancelled.cancel("left", None, NOW)
    assert not found(cancelled)


def test_new_facts_count() -> None:
    for fact in (offer("o-2", products=["SKU-2"], sequence=2), price("o-1", "9.00")):
        known = Catalogue.from_entries({}, {}, ())
        known.add([*KNOWN.facts(), fact])
        assert not found(basket(*LINES), known)


def test_a_cached_verdict_is_valid_until_something_begins_or_ends() -> None:
    assert found(basket(*LINES), now=NOW + 3 * HOUR - SECOND)
    assert not found(basket(*LINES), now=NOW + 3 * HOUR)
    assert not found(basket(*LINES), now=NOW + LIFETIME)
    assert not found(basket(*LINES), now=NOW + 3 * HOUR - timedelta(hours=24) - SECOND)


def test_a_remedy_rests_on_the_products_and_times_of_the_version_that_it_swaps_in() -> None:
    old: list[Fact] = [offer("o-1"), price("o-1")]
    ends = NOW + HOUR
    new: list[Fact] = [offer("o-1@v-2", products=["SKU-9"], sequence=2, on_sale_until=ends), price("o-1@v-2")]
    known, verdicts, given = catalogue(*old, *new), VerdictCache(), basket(line("line-1", "o-1"))
    keep(verdicts, given, known, NOW)
    seen = given.as_seen_at(NOW)
    assert verdicts.find(seen, known, NOW) is not None
    assert verdicts.find(seen, known, ends) is None

    known.add([availability("SKU-9", status="out_of_stock")])

    assert verdicts.find(seen, known, NOW) is None


def test_a_cached_verdict_is_valid_until_an_availability_begins_or_ceases_to_hold() -> None:
    begins, ends = NOW + HOUR, NOW + 2 * HOUR
    recall = availability("SKU-1", status="blocked", valid_from=begins, valid_until=ends, sequence=2)
    others = availability("SKU-1", partner="globex", valid_from=NOW + SECOND)
    known = catalogue(offer("o-1"), price("o-1"), availability("SKU-1"), recall, others)
    verdicts, given = VerdictCache(), basket(line("line-1"))
    for start, end in ((NOW, begins), (begins, ends), (ends, ends + HOUR)):
        assert verdicts.find(given, known, start) is None
        keep(verdicts, given, known, start)
        assert verdicts.find(given, known, end - SECOND) is not None


def test_the_cache_is_bounded_by_lines_and_findings() -> None:
    given, known = basket(*LINES), KNOWN
    findings = len(validate_basket(given, known, NOW).validation_errors)  # no remedy: they are warnings
    for room, fits in ((1 + 2 + findings, True), (2 + findings, False)):
        verdicts = VerdictCache(room)
        keep(verdicts, given, known, NOW)
        assert (verdicts.find(given, known, NOW) is not None) == fits


def test_a_verdict_that_is_larger_than_the_cache_leaves_the_others() -> None:
    known, verdicts = catalogue(offer("o-1"), price("o-1")), VerdictCache(5)
    others = [basket(line("line-1"), id=f"basket-{item_id(number)}") for number in (7, 8)]
    large = basket(*[line(f"line-{number}") for number in range(5)])
    keep(verdicts, others[0], known, NOW)
    keep(verdicts, basket(line("line-1")), known, NOW)  # the large one, before it grew
    keep(verdicts, large, known, NOW)
    keep(verdicts, others[1], known, NOW)
    assert verdicts.find(large, known, NOW) is None
    assert all(verdicts.find(other, known, NOW) is not None for other in others)


def test_entries_that_were_read_again_count_as_changed() -> None:
    verdicts = VerdictCache()
    keep(verdicts, basket(*LINES), KNOWN, NOW)
    anew = catalogue(*KNOWN.facts())
    seen = basket(*LINES).as_seen_at(NOW)
    assert verdicts.find(seen, anew, NOW) is None
    assert validate_basket(seen, anew, NOW) == validate_basket(seen, KNOWN, NOW)
