"""Properties of verdicts on any baskets and facts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from domain.basket.events import OrderItem
from domain.catalogue.facts import Fact
from domain.catalogue.policies import Level
from domain.shared.findings import CheckCode, Verdict
from domain.shared.money import ExpectedPrice
from domain.validation.validate import NO_POLICY_TERMS, build_context, error_codes, validate_basket
from tests.builders import NOW, availability, basket, catalogue, line, money, offer, policy, price
from tests.domain.validation.verdicts import verdict

DAY = timedelta(days=1)
OFFERS = ("o-1", "o-2", "o-3", "o-4")
CODES = ("SKU-1", "SKU-2", "SKU-3")

rules = st.none() | st.fixed_dictionaries(
    {}, optional={"min": st.integers(1, 4), "max": st.integers(1, 4), "step": st.integers(1, 3)}
)
organisations = st.sampled_from([None, None, "acme", "globex"])
moments = st.none() | st.integers(-2, 2).map(lambda days: NOW + days * DAY)
offers = st.builds(
    offer,
    st.sampled_from(OFFERS),
    products=st.lists(st.sampled_from(CODES), max_size=2),
    each_product=st.integers(1, 3),
    status=st.sampled_from(["published", "published", "withdrawn"]),
    on_sale_from=moments,
    on_sale_until=moments,
    countries=st.none() | st.just(["GB"]) | st.just(["DE"]),
    partners=st.none() | st.just(["acme"]) | st.just(["globex"]),
    quantity=rules,
    add_on_to=st.none() | st.lists(st.sampled_from(OFFERS), max_size=2),
    incompatible_with=st.lists(st.sampled_from(OFFERS), max_size=2),
)
prices = st.builds(
    price,
    st.sampled_from(OFFERS),
    st.sampled_from(["10.00", "12.00", "9.995"]),
    st.sampled_from(["GBP", "EUR"]),
    interval=st.sampled_from([None, "P1M", "P1Y"]),
    partner=organisations,
    valid_from=moments,
    valid_until=moments,
    sequence=st.integers(0, 2),
)
availabilities = st.builds(
    availability,
    st.sampled_from(CODES),
    status=st.sampled_from(["available", "available", "out_of_stock", "blocked", "discontinued"]),
    partner=organisations,
    quantity=st.none() | st.integers(0, 9),
    valid_from=moments,
    valid_until=moments,
    sequence=st.integers(0, 2),
)
policies = st.builds(
    policy,
    st.sampled_from([None, "acme", "globex"]),
    checks=st.dictionaries(st.sampled_from(get_args(CheckCode)), st.sampled_from(get_args(Level)), max_size=4),
    maximum_lines=st.none() | st.integers(1, 4),
    maximum_total=st.none() | st.just([{"amount": "40.00", "currency": "GBP"}]),
    price_tolerance=st.none() | st.just({"percent": "20"}),
    price_expires_within=st.none() | st.sampled_from([0, 172_800]),
    low_stock=st.none() | st.integers(0, 9),
    sequence=st.integers(0, 2),
)
facts = st.lists(offers | prices | availabilities | policies, max_size=14).map(
    lambda facts: list({fact.fact_id: fact for fact in facts}.values())
)


@st.composite
def some_lines(draw: st.DrawFn) -> list[OrderItem]:
    """Lines with ids of their own; add-ons may hang under any of the offers before them, or under none."""
    lines: list[OrderItem] = []
    for number in range(draw(st.integers(0, 5))):
        parents = [None, *(each.id for each in lines if each.type == "offer")]
        parent_id = draw(st.sampled_from(parents))
        lines.append(
            line(
                f"line-{number}",
                draw(st.sampled_from((*OFFERS, "x-1"))),
                draw(st.integers(1, 5)),
                price=money(
                    draw(st.sampled_from(["10.00", "9.995"])),
                    draw(st.sampled_from(["GBP", "EUR"])),
                    draw(st.sampled_from([None, "P1M"])),
                ),
                products=draw(st.lists(st.sampled_from(CODES), max_size=2)),
                type="offer" if parent_id is None and draw(st.booleans()) else "add_on",
                parent_id=parent_id,
                expected_price=draw(
                    st.none()
                    | st.sampled_from(
                        [money("10.00"), ExpectedPrice.of(money("10.00")), money("12.00", interval="P1M")]
                    )
                ),
            )
        )
    return lines


def told(judged: Verdict) -> list[str]:
    """What was found, whichever of several lines stands first."""
    findings: list[dict[str, Any]] = []
    for finding in (*judged.blocked_products, *judged.validation_errors):
        document = finding.model_dump(mode="json", exclude={"path"})
        if lines := document["data"].get("orderItemIds"):
            document["data"]["orderItemIds"] = sorted(lines)
            del document["orderItemId"]
            if finding.product_code is not None:
                del document["offerId"]
        findings.append(document)
    return sorted(json.dumps(document, sort_keys=True) for document in findings)


@given(some_lines(), facts, st.none() | st.just("GB"), st.sampled_from([None, "GBP", "EUR"]))
def test_a_verdict_reveals_nothing_of_what_is_said_to_another_organisation(
    lines: list[OrderItem], facts: list[Fact], country: str | None, currency: str | None
) -> None:
    given = basket(*lines, country=country, currency=currency)
    to_others = [fact for fact in facts if getattr(fact, "partner", None) == "globex"]
    judged = validate_basket(given, catalogue(*facts), NOW)
    assert judged == validate_basket(given, catalogue(*[fact for fact in facts if fact not in to_others]), NOW)
    assert not {fact.fact_id for fact in to_others} & {*judged.evidence}
    assert "globex" not in judged.model_dump_json()
    seen = build_context(given, catalogue(*facts), NOW, NO_POLICY_TERMS)
    without = build_context(given, catalogue(*[fact for fact in facts if fact not in to_others]), NOW, NO_POLICY_TERMS)
    assert seen.validity == without.validity


@given(st.data(), some_lines(), facts)
def test_findings_depend_neither_on_the_order_of_lines_nor_on_that_of_facts(
    data: st.DataObject, lines: list[OrderItem], facts: list[Fact]
) -> None:
    one = verdict(basket(*lines), *facts)
    other = verdict(basket(*data.draw(st.permutations(lines))), *data.draw(st.permutations(facts)))
    assert told(one) == told(other)
    assert (one.ready, one.evidence) == (other.ready, other.evidence)
    assert {*one.passed} == {*other.passed}


@given(some_lines(), facts)
def test_the_evidence_is_all_that_a_verdict_on_any_basket_needs(lines: list[OrderItem], facts: list[Fact]) -> None:
    judged = verdict(basket(*lines), *facts)
    named = [fact for fact in facts if fact.fact_id in judged.evidence]
    assert validate_basket(basket(*lines), catalogue(*named), NOW) == judged


@given(some_lines(), facts)
def test_error_codes_are_the_errors_of_the_verdict(lines: list[OrderItem], facts: list[Fact]) -> None:
    judged = verdict(basket(*lines), *facts)
    found = (*judged.blocked_products, *judged.validation_errors)
    errors = {finding.code for finding in found if finding.severity == "error"}
    assert error_codes(basket(*lines), catalogue(*facts), NOW) == errors


@st.composite
def right(draw: st.DrawFn) -> tuple[list[OrderItem], list[Fact]]:
    """A basket made of published, priced, available offers within all limits, and the catalogue's word."""
    lines: list[OrderItem] = []
    facts: list[Fact] = []
    needed = dict.fromkeys(CODES, 0)
    for number in range(draw(st.integers(1, 8))):
        name, step = f"o-{number}", draw(st.integers(1, 3))
        quantity = step * draw(st.integers(1, 5))
        amount = draw(st.sampled_from(["0", "0.10", "9.9999", "123456789012"]))
        codes = draw(st.lists(st.sampled_from(CODES), max_size=3))
        parents = [each for each in lines if each.type == "offer"]
        parent = draw(st.none() | st.sampled_from(parents)) if parents else None
        lines.append(
            line(
                f"line-{number}",
                name,
                quantity,
                price=money(amount),
                products=codes,
                type="add_on" if parent else "offer",
                parent_id=parent.id if parent else None,
            )
        )
        facts += [
            offer(
                name,
                products=codes,
                on_sale_from=draw(st.sampled_from([None, NOW, NOW - DAY])),
                on_sale_until=draw(st.sampled_from([None, NOW + DAY])),
                countries=draw(st.sampled_from([None, ["GB"], ["DE", "GB"]])),
                partners=draw(st.sampled_from([None, ["acme"], ["globex", "acme"]])),
                quantity=draw(
                    st.sampled_from([None, {"min": 1, "max": quantity, "step": step}, {"min": quantity, "max": 99}])
                ),
                add_on_to=[parent.offer.id] if parent else None,
                incompatible_with=["elsewhere", name],
            ),
            price(
                name,
                amount,
                country=draw(st.sampled_from([None, "GB"])),
                valid_from=draw(st.sampled_from([None, NOW])),
                valid_until=draw(st.sampled_from([None, NOW + timedelta(hours=1)])),
            ),
        ]
        for code in codes:
            needed[code] += quantity
    facts += [
        availability(code, quantity=draw(st.sampled_from([None, needed[code], needed[code] + 7])))
        for code in CODES
        if needed[code]
    ]
    return lines, facts


@given(right())
def test_a_basket_of_published_priced_and_available_offers_within_all_limits_is_ready(
    given_right: tuple[list[OrderItem], list[Fact]],
) -> None:
    lines, facts = given_right
    judged = verdict(basket(*lines), *facts)
    assert judged.ready
    warnings = {finding.code for finding in judged.validation_errors}
    assert warnings <= {"price_expires_soon", "price_not_payable", "product_low_stock"}


@given(st.data(), right(), st.sampled_from(["blocked", "discontinued", "out_of_stock"]))
def test_an_unavailable_product_makes_a_basket_not_ready_until_its_line_is_removed(
    data: st.DataObject, given_right: tuple[list[OrderItem], list[Fact]], status: str
) -> None:
    lines, facts = given_right
    facts += [
        offer("bad", products=["BAD"]),
        price("bad"),
        availability("BAD", status=status, quantity=data.draw(st.none() | st.integers(0, 9))),
    ]
    bad = line("line-bad", "bad", products=["BAD"])
    place = data.draw(st.integers(0, len(lines)))

    before = verdict(basket(*lines), *facts)
    after = verdict(basket(*lines[:place], bad, *lines[place:]), *facts)

    assert before.ready
    assert not after.ready
    assert [finding.product_code for finding in after.blocked_products] == ["BAD"]

    kept = basket(*lines[:place], bad, *lines[place:])
    kept.remove_item("line-bad", NOW)
    assert verdict(kept, *facts) == before
