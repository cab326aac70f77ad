"""How a partner organisation's policy changes the checks; each term from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.catalogue.facts import FACT
from domain.catalogue.policies import PolicyFact, PolicyTerms
from domain.shared.findings import Finding
from domain.validation.check import Check
from domain.validation.context import ValidationContext
from domain.validation.policy import ValidationPolicy
from domain.validation.validate import validate_basket
from tests.builders import (
    NOW,
    InMemoryCheckout,
    availability,
    basket,
    caller,
    catalogue,
    expected,
    initiate,
    item,
    line,
    money,
    offer,
    policy,
    price,
    unpriced,
    validate,
)
from tests.domain.validation.verdicts import KNOWN, TICK, codes, found, verdict

GBP_5P = [{"amount": "0.05", "currency": "GBP"}]


# whose policy holds


def test_terms_come_from_the_organisation_then_from_the_policy_for_all_then_from_the_defaults() -> None:
    defaults = PolicyTerms(low_stock=1, maximum_lines=1, maximum_total=(money("1"),), checks={"price_missing": "off"})
    everyones = policy(None, maximum_lines=2, low_stock=2, checks={"basket_empty": "off", "price_changed": "off"})
    own = policy(low_stock=3, checks={"price_changed": "warning"})
    held = ValidationPolicy.resolve(catalogue(own, everyones, policy("globex")).policies("acme"), defaults)
    assert (held.low_stock, held.maximum_lines, held.maximum_total) == (3, 2, (money("1"),))
    assert held.levels == {"price_missing": "off", "basket_empty": "off", "price_changed": "warning"}
    assert held.evidence == ("policy/*#1", "policy/acme#1")


def test_the_newest_policy_of_an_organisation_holds() -> None:
    facts = (
        policy(sequence=1, low_stock=1),
        policy(sequence=3, low_stock=3),
        policy(sequence=2, low_stock=2),
    )
    assert [fact.low_stock for fact in catalogue(*facts).policies("acme")] == [3]


def test_an_organisation_named_like_the_policy_for_all_has_its_own_policy() -> None:
    assert policy("*").subject != policy(None).subject
    assert policy("*").subject != policy(None).subject
    assert policy("acme").subject == "policy/acme"


def test_another_organisations_policy_does_not_apply() -> None:
    assert codes(basket(), policy("globex", checks={"basket_empty": "off"})) == ["basket_empty"]
    assert codes(basket(partner="globex"), policy("globex", checks={"basket_empty": "off"})) == []


async def test_a_validation_uses_the_recorded_policy() -> None:
    checkout = InMemoryCheckout()
    await checkout.record(policy(checks={"offer_unknown": "warning"}))
    id = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    validated = await checkout.handlers.validate(validate(id), caller())
    assert validated.verdict.ready
    assert validated.verdict.evidence == ("policy/acme#1",)


# levels


def test_a_policy_makes_an_error_a_warning_and_a_warning_an_error() -> None:
    given = basket(line("line-1"))
    low = (*KNOWN[:2], availability("SKU-1", quantity=1))
    warned = verdict(given, *low)
    assert ([finding.severity for finding in warned.validation_errors], warned.ready) == (["warning"], True)
    refused = verdict(given, *low, policy(checks={"product_low_stock": "error"}))
    assert ([finding.severity for finding in refused.blocked_products], refused.ready) == (["error"], False)
    blocked = (
        *KNOWN[:2],
        availability("SKU-1", status="blocked"),
        policy(checks={"product_blocked": "warning"}),
    )
    judged = verdict(given, *blocked)
    assert (judged.blocked_products, judged.ready) == ((), True)
    assert [finding.code for finding in judged.validation_errors] == ["product_blocked"]


def test_a_check_that_is_off_finds_nothing() -> None:
    assert codes(basket(), policy(checks={"basket_empty": "off"})) == []


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ({}, ["price_changed"]),
        ({"price_changed": "off"}, ["expected_price_differs"]),
        ({"price_changed": "warning"}, ["price_changed", "expected_price_differs"]),
        ({"price_changed": "warning", "expected_price_differs": "warning"}, ["price_changed"]),
        ({"expected_price_differs": "warning"}, ["price_changed"]),
        ({"price_changed": "off", "expected_price_differs": "off"}, []),
    ],
)
def test_a_check_that_a_policy_makes_a_warning_hides_no_error(levels: dict[str, str], told: list[str]) -> None:
    nine = money("9.00")
    expecting = line("line-1", price=nine).model_copy(update={"expected_price": expected(nine)})
    assert codes(basket(expecting), *KNOWN, policy(checks=levels)) == told


# price tolerance


@pytest.mark.parametrize(
    ("tolerance", "now", "tolerated"),
    [
        ({}, "10.01", False),
        ({"percent": "1"}, "10.10", True),
        ({"percent": "1"}, "10.1001", False),
        ({"percent": "1"}, "9.90", True),
        ({"percent": "1"}, "9.8999", False),
        ({"percent": "0"}, "10.00", True),
        ({"percent": "0"}, "10.0001", False),
        ({"amounts": GBP_5P}, "10.05", True),
        ({"amounts": GBP_5P}, "10.0501", False),
        ({"amounts": GBP_5P}, "9.95", True),
        ({"amounts": [{"amount": "5", "currency": "EUR"}]}, "10.01", False),
        ({"percent": "1", "amounts": GBP_5P}, "10.05", True),
        ({"percent": "1", "amounts": GBP_5P}, "10.06", False),
        ({"percent": "0.1", "amounts": GBP_5P}, "10.02", False),
        ({"percent": "1", "amounts": [{"amount": "0", "currency": "EUR"}]}, "10.10", True),
    ],
)
def test_a_price_may_differ_within_every_limit(tolerance: dict[str, Any], now: str, tolerated: bool) -> None:
    levels = {"price_not_payable": "off"}
    facts = (KNOWN[0], price("o-1", now), policy(price_tolerance=tolerance, checks=levels))
    assert codes(basket(line("line-1")), *facts) == ([] if tolerated else ["price_changed"])
    expecting = line("line-1", price=money(now)).model_copy(update={"expected_price": expected(money())})
    assert codes(basket(expecting), *facts) == ([] if tolerated else ["expected_price_differs"])


def test_no_tolerance_covers_another_currency_or_a_missing_price() -> None:
    tolerant = policy(price_tolerance={"percent": "100"})
    in_euros = line("line-1", price=money("10.00", "EUR"))
    assert codes(basket(in_euros), *KNOWN, tolerant) == ["price_changed"]
    assert codes(basket(unpriced(line("line-1"))), *KNOWN, tolerant) == ["price_changed"]


amounts = st.integers(0, 999_999_999_999_9999).map(lambda n: f"{n // 10_000}.{n % 10_000:04}")


@given(amounts, amounts, st.integers(0, 1_000_000))
def test_a_percentage_is_computed_exactly(before: str, now: str, percent: int) -> None:
    terms = PolicyTerms.model_validate({"price_tolerance": {"percent": f"{percent // 10_000}.{percent % 10_000:04}"}})
    units = [int(amount.replace(".", "")) for amount in (before, now)]
    exactly = abs(units[1] - units[0]) * 1_000_000 <= percent * units[0]
    assert ValidationPolicy.resolve((), terms).tolerates(money(before), money(now)) is exactly


# limits and thresholds


@pytest.mark.parametrize(("most", "told"), [(None, []), (2, []), (1, ["too_many_lines"])])
def test_a_basket_has_at_most_as_many_lines_as_the_policy_allows(most: int | None, told: list[str]) -> None:
    given = basket(line("line-1", products=[]), line("line-2", "o-2", products=[]))
    facts = (offer("o-1"), offer("o-2"), price("o-1"), price("o-2"), policy(maximum_lines=most))
    assert codes(given, *facts) == told
    if told:
        assert found("too_many_lines", given, *facts).data == {"lines": 2, "maximum": 1}


@pytest.mark.parametrize(
    ("most", "currency", "told"),
    [("30.00", "GBP", []), ("29.9999", "GBP", ["total_above_maximum"]), ("1.00", "EUR", [])],
)
def test_a_baskets_total_is_at_most_what_the_policy_allows(most: str, currency: str, told: list[str]) -> None:
    given = basket(line("line-1", quantity=3), unpriced(line("line-2", "x-1", 9)))
    facts = (*KNOWN, policy(maximum_total=[{"amount": most, "currency": currency}]))
    assert [code for code in codes(given, *facts) if code != "offer_unknown"] == told
    if told:
        assert found("total_above_maximum", given, *facts).data == {
            "total": {"amount": "30.00", "currency": "GBP"},
            "maximum": {"amount": most, "currency": "GBP"},
        }


def test_each_currency_has_a_maximum_of_its_own() -> None:
    given = basket(line("line-1", quantity=2), line("line-2", "o-2", price=money("50", "EUR")))
    most = [{"amount": "19", "currency": "GBP"}, {"amount": "49", "currency": "EUR"}]
    assert codes(given, policy(maximum_total=most)).count("total_above_maximum") == 2


def test_the_policy_sets_how_long_before_its_end_a_price_expires_soon() -> None:
    facts = (KNOWN[0], price("o-1", valid_until=NOW + timedelta(seconds=60)))
    for horizon, told in ((60, ["price_expires_soon"]), (59, []), (0, [])):
        assert codes(basket(line("line-1")), *facts, policy(price_expires_within=horizon)) == told
    just_before = NOW + timedelta(seconds=1) - TICK
    assert codes(basket(line("line-1")), *facts, policy(price_expires_within=59), now=just_before) == []


@pytest.mark.parametrize(("threshold", "told"), [(0, []), (3, []), (4, ["product_low_stock"])])
def test_the_policy_sets_the_threshold_of_low_stock(threshold: int, told: list[str]) -> None:
    facts = (*KNOWN[:2], availability("SKU-1", quantity=3), policy(low_stock=threshold))
    assert codes(basket(line("line-1")), *facts) == told


# crashes


def _breaks(check: Check, context: ValidationContext) -> Iterator[Finding]:
    raise RuntimeError
    yield


@pytest.mark.parametrize(("said", "ready"), [(None, False), (True, False), (False, True)])
def test_a_crashed_check_blocks_unless_the_policy_says_otherwise(said: bool | None, ready: bool) -> None:
    broken = Check("breaks", "error", "retry", False, "nothing", _breaks)
    known = catalogue(*KNOWN, policy(crashed_check_blocks=said))
    judged = validate_basket(basket(line("line-1")), known, NOW, [broken])
    assert [finding.code for finding in judged.validation_errors] == ["check_failed"]
    assert judged.ready is ready


# on the way in


@pytest.mark.parametrize(
    "wrong",
    [
        {"checks": {"price_chnaged": "off"}},
        {"checks": {"check_failed": "off"}},
        {"checks": {"price_changed": "perhaps"}},
        {"priceTolerance": {"percent": "100.1"}},
        {"priceTolerance": {"percent": 1.5}},
        {"priceTolerance": {"amounts": [*GBP_5P, *GBP_5P]}},
        {"maximumTotal": [{"amount": "-1", "currency": "GBP"}]},
        {"maximumLines": 0},
        {"priceExpiresWithin": -1},
        {"lowStock": -1},
        {"partner": ""},
        {"sequence": None},
    ],
)
def test_a_policy_with_impossible_terms_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FACT.validate_python({"kind": "policy", "partner": "acme", "sequence": 1, **wrong})


def test_a_policy_survives_writing_and_reading() -> None:
    said = policy(checks={"price_changed": "warning"}, maximum_total=[{"amount": "10.50", "currency": "GBP"}])
    read = FACT.validate_json(FACT.dump_json(said))
    assert isinstance(read, PolicyFact)
    assert read == said
