"""Which facts each finding and each passed check names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from domain.shared.findings import CheckCode, Verdict
from domain.validation.checks import CHECKS
from domain.validation.validate import validate_basket
from tests.builders import (
    NOW,
    InMemoryCheckout,
    availability,
    basket,
    caller,
    catalogue,
    initiate,
    item,
    line,
    offer,
    policy,
    price,
    validate,
)
from tests.domain.validation.verdicts import KNOWN, found, verdict

OFFER, PRICE, STOCK = (fact.fact_id for fact in KNOWN)


def passed(judged: Verdict) -> dict[str, tuple[str, ...]]:
    """The facts of each check that passed."""
    return {code: each.evidence for each in judged.passed for code in each.codes}


def named_by(judged: Verdict) -> list[tuple[str, ...]]:
    """The facts of each finding and of each group of checks that passed."""
    findings = [*judged.blocked_products, *judged.validation_errors]
    return [*(finding.evidence for finding in findings), *(each.evidence for each in judged.passed)]


def test_a_correct_basket_passes_every_check_with_the_facts_that_the_check_looks_at() -> None:
    judged = verdict(basket(line("line-1")), *KNOWN)
    by_code = passed(judged)
    assert {*by_code} == {*get_args(CheckCode)} - {"mixed_rates"}
    assert by_code["basket_empty"] == by_code["mixed_currencies"] == ()
    assert by_code["offer_unknown"] == by_code["offers_incompatible"] == (OFFER,)
    assert by_code["price_missing"] == by_code["price_expires_soon"] == (PRICE,)
    assert by_code["product_blocked"] == by_code["product_low_stock"] == (STOCK,)
    assert judged.evidence == tuple(sorted([OFFER, PRICE, STOCK]))


def test_passed_checks_with_the_same_facts_form_one_group_in_their_order() -> None:
    judged = verdict(basket(line("line-1")), *KNOWN)
    assert [each.evidence for each in judged.passed] == [(), (OFFER,), (PRICE,), (STOCK,)]
    order = [check.code for check in CHECKS]
    for each in judged.passed:
        assert [*each.codes] == sorted(each.codes, key=order.index)


def test_the_verdicts_evidence_is_that_of_all_findings_and_passed_checks() -> None:
    lines = [line("line-1", "o-1"), line("line-2", "o-2", products=["SKU-2"])]
    ends = NOW + timedelta(hours=1)
    facts = (
        *KNOWN,
        offer("o-2", products=["SKU-2"]),
        offer("o-2@v-2", sequence=5),
        price("o-2", "12.00", valid_until=ends),
        price("o-2", "13.00", valid_from=ends),
        availability("SKU-2", quantity=1),
        policy(maximum_lines=5),
    )
    judged = verdict(basket(*lines), *facts)
    named = {fact for evidence in named_by(judged) for fact in evidence}
    assert {*judged.evidence} == named == {fact.fact_id for fact in facts}


def test_a_finding_about_a_line_names_its_own_facts_and_no_others() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-2", products=[]))
    facts = (*KNOWN, offer("o-2", products=[]), price("o-2", "12.00", sequence=4), policy(None))
    finding = found("price_changed", given, *facts)
    assert finding.evidence == ("offer/o-2/v-1#1", "policy/*#1", "price/o-2/v-1/*/GBP/*#4")


def test_a_missing_price_rests_on_the_offer_and_on_the_prices_that_come_later() -> None:
    later = price("o-1", valid_from=NOW + timedelta(days=1))
    assert found("price_missing", basket(line("line-1")), KNOWN[0]).evidence == (OFFER,)
    assert found("price_missing", basket(line("line-1")), KNOWN[0], later).evidence == (OFFER, later.fact_id)


def test_a_superseded_offer_rests_on_both_versions() -> None:
    newer = offer("o-1@v-2", sequence=2)
    finding = found("offer_version_superseded", basket(line("line-1")), *KNOWN, newer)
    assert finding.evidence == (OFFER, newer.fact_id)


def test_incompatible_offers_rest_on_the_facts_of_both() -> None:
    other = offer("o-2", incompatible_with=["o-1"], products=[])
    given = basket(line("line-1"), line("line-2", "o-2", products=[]))
    finding = found("offers_incompatible", given, *KNOWN, other, price("o-2"))
    assert finding.evidence == (OFFER, other.fact_id)


def test_a_finding_about_a_product_rests_on_its_availability_and_the_offers_that_need_it() -> None:
    stock = availability("SKU-1", quantity=1, sequence=9)
    given = basket(line("line-1"), line("line-2", "o-2"), line("line-3", "o-3", products=[]))
    facts: tuple[Any, ...] = (offer("o-1"), offer("o-2"), offer("o-3", products=[]), stock)
    finding = found("product_insufficient_stock", given, *facts)
    assert finding.evidence == (stock.fact_id, "offer/o-1/v-1#1", "offer/o-2/v-1#1")


def test_an_unknown_offer_rests_on_no_fact() -> None:
    assert found("offer_unknown", basket(line("line-1", products=[]))).evidence == ()


def test_every_finding_and_passed_check_names_the_policies() -> None:
    judged = verdict(basket(line("line-1", "x-1")), policy(), policy(None), availability("SKU-1", quantity=0))
    for evidence in named_by(judged):
        assert {"policy/acme#1", "policy/*#1"} <= {*evidence}


def test_a_check_that_is_off_neither_finds_anything_nor_passes() -> None:
    judged = verdict(basket(line("line-1")), *KNOWN, policy(checks={"price_changed": "off"}))
    assert {*get_args(CheckCode)} - {*passed(judged)} == {"price_changed", "mixed_rates"}


async def test_passed_checks_are_stored_with_the_verdict() -> None:
    checkout = InMemoryCheckout()
    await checkout.record(*KNOWN)
    id = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    validated = await checkout.handlers.validate(validate(id), caller())
    (*_, stored) = await checkout.history(id)
    assert stored.passed == validated.verdict.passed  # type: ignore[attr-defined]
    assert passed(validated.verdict)["offer_unknown"] == (OFFER,)


def test_baskets_share_the_evidence_of_the_facts_that_both_see_until_one_of_them_changes() -> None:
    known = catalogue(*KNOWN)
    one, other = (validate_basket(basket(line("line-1", quantity=quantity)), known, NOW) for quantity in (1, 2))
    assert one.evidence is other.evidence
    known.add([price("o-1", sequence=2)])
    later = validate_basket(basket(line("line-1")), known, NOW)
    assert later.evidence != one.evidence
    assert later == validate_basket(basket(line("line-1")), catalogue(*known.facts()), NOW)


def test_shared_evidence_is_never_that_of_another_partner_market_or_moment() -> None:
    known = catalogue(
        offer("o-1"),
        price("o-1", valid_until=NOW + timedelta(hours=48)),
        price("o-1", valid_from=NOW + timedelta(hours=48)),
        price("o-1", partner="globex"),
        price("o-1", country="DE"),
        availability("SKU-1"),
        availability("SKU-1", partner="initech"),
        availability("SKU-1", valid_from=NOW + timedelta(hours=72), sequence=2),
        policy("hooli", low_stock=3),
    )
    given = [
        *[basket(line("line-1"), partner=partner) for partner in ("acme", "globex", "initech", "hooli")],
        basket(line("line-1"), country="DE"),
    ]
    moments = [NOW + timedelta(hours=hours) for hours in (0, 30, 50, 80)]
    judged = [validate_basket(each, known, now) for each in given for now in moments]
    anew = [validate_basket(each, catalogue(*known.facts()), now) for each in given for now in moments]
    assert judged == anew
    # Only globex's own price and Germany's do not end; the stock's fact changes for all but initech.
    assert len({each.evidence for each in judged}) == 4 + 2 + 3 + 4 + 2
