"""Remedies of baskets that are wrong in a certain way."""

from __future__ import annotations

from collections.abc import Iterator

from domain.basket.decision import BasketLimits
from domain.basket.events import BasketValidated
from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.checks import CHECKS
from domain.validation.context import ValidationContext
from domain.validation.remedy.finder import find_remedy
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
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
    money,
    offer,
    policy,
    price,
    unpriced,
    validate,
)
from tests.domain.validation.remedy.remedies import LIMITS, actions_of, remedy_of

FOR_SALE = (offer("o-1"), price("o-1"), offer("o-2"), price("o-2"))
NEXT = (offer("o-1@v-2", sequence=2), price("o-1@v-2", "11.00"))


def test_a_superseded_version_is_swapped_for_its_successor() -> None:
    remedy = remedy_of(basket(line("line-1", "o-1"), line("line-2", "o-2")), *FOR_SALE, *NEXT)
    assert actions_of(remedy) == [("swap", "line-1", "o-1@v-2")]
    assert remedy is not None
    assert remedy.leads_to.ready


def test_a_superseded_version_leaves_if_another_line_holds_its_successor() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-1@v-2", price=money("11.00")))
    assert actions_of(remedy_of(given, *FOR_SALE, *NEXT)) == [("remove", "line-1")]


def test_a_superseded_version_leaves_if_its_successor_is_not_for_the_country() -> None:
    facts = (*FOR_SALE, offer("o-1@v-2", sequence=2, countries=["DE"]), price("o-1@v-2"))
    assert actions_of(remedy_of(basket(line("line-1", "o-1")), *facts)) == [("remove", "line-1")]


def test_a_superseded_version_leaves_if_only_the_seller_could_mend_its_successor() -> None:
    facts = (*FOR_SALE, offer("o-1@v-2", sequence=2))
    assert actions_of(remedy_of(basket(line("line-1", "o-1")), *facts)) == [("remove", "line-1")]


def test_a_successor_comes_in_a_quantity_that_its_rule_allows() -> None:
    facts = (*FOR_SALE, offer("o-1@v-2", sequence=2, quantity={"step": 4}), price("o-1@v-2"))
    assert actions_of(remedy_of(basket(line("line-1", "o-1", 5)), *facts)) == [("swap", "line-1", "o-1@v-2", 4)]


def test_an_add_on_of_a_swapped_offer_is_mended_before_it() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "a-1", 5, parent_id="line-1"))
    facts = (offer("a-1", add_on_to=["o-1"], quantity={"max": 2}), price("a-1"))
    remedy = remedy_of(given, *FOR_SALE, *NEXT, *facts)
    assert actions_of(remedy) == [("change_quantity", "line-2", 2), ("swap", "line-1", "o-1@v-2")]


def test_an_add_on_leaves_with_its_offer_without_an_action_of_its_own() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "a-1", 5, parent_id="line-1"))
    facts = (offer("o-1", status="withdrawn"), offer("a-1", add_on_to=["o-1"], quantity={"max": 2}), price("a-1"))
    assert actions_of(remedy_of(given, *facts)) == [("remove", "line-1")]


def test_a_changed_price_is_accepted_with_its_interval() -> None:
    facts = (offer("o-1"), price("o-1", "12.00", interval="P1M"))
    remedy = remedy_of(basket(line("line-1", "o-1", expected_price=money("9.00"))), *facts)
    assert actions_of(remedy) == [("expect_price", "line-1", "12.00 GBP P1M")]


def test_an_unpriced_line_accepts_its_first_price() -> None:
    assert actions_of(remedy_of(basket(unpriced(line("line-1", "o-1"))), *FOR_SALE)) == [
        ("expect_price", "line-1", "10.00 GBP")
    ]


def test_a_line_leaves_if_the_price_that_it_would_accept_cannot_be_paid() -> None:
    facts = (offer("o-1"), price("o-1", "0.005"), policy(checks={"price_not_payable": "error"}))
    remedy = remedy_of(basket(line("line-1", "o-1")), *facts)
    assert actions_of(remedy) == [("remove", "line-1")]


def test_lines_of_one_version_share_the_stock_and_the_step_of_their_offer() -> None:
    given = basket(line("line-1", "o-1", 5), line("line-2", "o-2"), line("line-3", "o-1", 4, parent_id="line-2"))
    facts = (
        offer("o-1", products=["SKU-1"], each_product=2, quantity={"step": 3}, add_on_to=["o-2"]),
        *(price("o-1"), offer("o-2", products=[]), price("o-2"), availability("SKU-1", quantity=13)),
        policy(checks={"add_on_without_parent": "off", "product_low_stock": "off"}),
    )
    assert actions_of(remedy_of(given, *facts)) == [("change_quantity", "line-3", 1)]


def test_low_stock_is_no_matter_of_quantity() -> None:
    facts = (*FOR_SALE, availability("SKU-1", quantity=3), policy(checks={"product_low_stock": "error"}))
    assert actions_of(remedy_of(basket(line("line-1", "o-1", 9)), *facts)) == [("remove", "line-1")]


def test_no_more_actions_than_an_update_may_have() -> None:
    given = basket(*(line(f"line-{number}", f"o-{number}", 5) for number in range(300)))
    facts = [offer(f"o-{number}", products=[], quantity={"max": 2}) for number in range(300)]
    prices = [price(f"o-{number}") for number in range(300)]
    remedy = remedy_of(given, *facts, *prices)
    assert actions_of(remedy) == [("change_quantity", f"line-{number}", 2) for number in range(200)]
    assert remedy is not None
    assert remedy.leads_to.remaining == ("quantity_above_maximum",)


def test_no_line_is_raised_above_the_largest_quantity() -> None:
    facts = (offer("o-1", quantity={"min": 6}), price("o-1"))
    given, limits = basket(line("line-1", "o-1", 4)), BasketLimits(max_quantity=5)
    assert actions_of(remedy_of(given, *facts, limits=limits)) == [("remove", "line-1")]


def test_a_line_with_more_than_the_largest_quantity_is_lowered_where_it_changes() -> None:
    given, limits = basket(line("line-1", "o-1", 9), line("line-2", "o-2", 9)), BasketLimits(max_quantity=5)
    assert actions_of(remedy_of(given, *FOR_SALE, *NEXT, limits=limits)) == [("swap", "line-1", "o-1@v-2", 5)]
    facts = (*FOR_SALE, offer("o-1", quantity={"max": 7}, sequence=2))
    assert actions_of(remedy_of(given, *facts, limits=limits)) == [("change_quantity", "line-1", 5)]
    in_pairs = (*FOR_SALE, offer("o-1", quantity={"step": 2}, sequence=2))
    assert actions_of(remedy_of(given, *in_pairs, limits=limits)) == [("change_quantity", "line-1", 4)]


def test_an_error_of_the_basket_that_no_rule_mends_keeps_nothing_else_from_being_mended() -> None:
    @check(looks_at="the weather")
    def bad_weather(check: Check, context: ValidationContext) -> Iterator[Finding]:
        """It rains."""
        yield check.about_basket("it rains")

    known = catalogue(*FOR_SALE, offer("o-1", quantity={"max": 2}, sequence=2))
    context = build_context(basket(line("line-1", "o-1", 5)), known, NOW, NO_POLICY_TERMS)
    checks = (*CHECKS, bad_weather)
    findings = run_checks(context, checks).findings
    remedy = find_remedy(context, known, findings, LIMITS, checks).remedy
    assert actions_of(remedy) == [("change_quantity", "line-1", 2)]
    assert remedy is not None
    assert remedy.leads_to.remaining == ("bad_weather",)


async def test_a_remedy_with_a_total_of_many_digits_can_be_read_again() -> None:
    checkout = InMemoryCheckout()
    await checkout.record(
        *(offer("o-1"), price("o-1", "999999999999.9999"), offer("o-2", quantity={"max": 2}), price("o-2"))
    )
    made = await checkout.handlers.initiate(initiate(item("o-1", 9999), item("o-2", 5)), caller())
    validated = await checkout.handlers.validate(validate(made.basket.id), caller())
    event = (await checkout.history(made.basket.id))[-1]
    assert isinstance(event, BasketValidated)
    assert event.remedy is not None
    assert event.remedy == validated.remedy
    assert str(event.remedy.leads_to.total) == "9999000000000019.0001 GBP"
