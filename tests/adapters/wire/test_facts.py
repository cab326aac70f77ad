"""Which documents are facts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.wire.facts import FACT_MODELS, InvalidFact, parse_fact
from domain.catalogue.facts import FACT, AvailabilityFact, Fact, FactKind, OfferFact
from tests.builders import NOW, availability, offer, policy, price

FACTS: dict[FactKind, Fact] = {
    "offer": offer(products=["SKU-1"], quantity={"min": 1, "max": 10, "step": 1}),
    "price": price(),
    "availability": availability(),
    "policy": policy("acme", maximum_lines=3),
}


PRODUCT = json.loads(FACTS["offer"].model_dump_json())["products"][0]


def said(kind: FactKind, **members: object) -> dict[str, Any]:
    """A fact as its sender writes it, with these members instead of the defaults."""
    document: dict[str, Any] = json.loads(FACTS[kind].model_dump_json())
    return document | members


def parsed(document: dict[str, Any], *ignored: str) -> Fact:
    """The fact of a line of a file. A message of its topic gives the same."""
    text = json.dumps(document).encode()
    fact = parse_fact(text, ignored=ignored)
    assert parse_fact(text, document["kind"], ignored) == fact
    return fact


def refused(document: dict[str, Any], *ignored: str) -> str:
    """Why it is no fact. A message is refused with the same text as a line."""
    text = json.dumps(document).encode()
    with pytest.raises(InvalidFact) as line:
        parse_fact(text, ignored=ignored)
    with pytest.raises(InvalidFact) as message:
        parse_fact(text, document["kind"], ignored)
    assert str(line.value) == str(message.value)
    return str(line.value)


@pytest.mark.parametrize("kind", FACT_MODELS)
def test_a_fact_is_read_as_it_is_written(kind: FactKind) -> None:
    assert parsed(said(kind)) == FACTS[kind]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (said("price", colour="red"), "/colour"),
        (said("price", colour=None), "/colour"),
        (said("price", valid_until="2026-01-31T09:00:00Z"), "/valid_until"),
        (said("price", **{"a/b~c": 1}), "/a~1b~0c"),
        (said("availability", countries=["GB"]), "/countries"),
        (said("offer", products=[{"productCode": "SKU-1", "amount": 2}]), "/products/0/amount"),
        (said("offer", quantity={"min": 1, "multiple": 6}), "/quantity/multiple"),
        (said("offer", epoch=1), "/epoch"),
        (said("offer", checkoutEpoch=0), "/checkoutEpoch"),
        (said("price", checkoutEpoch=2), "/checkoutEpoch"),
        (said("policy", lowStok=3), "/lowStok"),
        (said("policy", priceTolerance={"percent": "5", "up": "1"}), "/priceTolerance/up"),
    ],
)
def test_an_unknown_member_is_refused_by_its_name(document: dict[str, Any], pointer: str) -> None:
    assert refused(document) == f"{pointer}: the contract knows no such member"


@pytest.mark.parametrize(
    ("with_null", "without"),
    [
        (said("offer", products=None), said("offer", products=[])),
        (said("offer", incompatibleWith=None), said("offer", incompatibleWith=[])),
        (said("policy", checks=None), said("policy", checks={})),
        (
            said("policy", priceTolerance={"percent": "5", "amounts": None}),
            said("policy", priceTolerance={"percent": "5", "amounts": []}),
        ),
    ],
)
def test_null_is_the_same_as_an_empty_list(with_null: dict[str, Any], without: dict[str, Any]) -> None:
    assert parsed(with_null) == parsed(without)


@pytest.mark.parametrize("kind", FACT_MODELS)
def test_every_member_that_may_be_left_out_may_be_null(kind: FactKind) -> None:
    fields = {name: field for name, field in type(FACTS[kind]).model_fields.items() if name not in ("kind", "epoch")}
    for field in fields.values():
        if not field.is_required():
            assert field.alias is not None
            parsed(said(kind, **{field.alias: None}))


def test_members_named_by_a_setting_are_skipped_everywhere() -> None:
    product = {"productCode": "SKU-1", "path": None, "colour": {"name": "red"}}
    document = said("offer", products=[product], colour="red", partner=7)

    assert refused(document, "partner").count("colour") == 2
    assert parsed(document, "partner", "colour") == parsed(said("offer", products=[{"productCode": "SKU-1"}]))


def test_a_skipped_member_hides_no_other_mistake() -> None:
    document = said("price", colour="red", currency="pounds")

    assert refused(document, "colour").startswith("/currency: ")


def test_a_known_member_is_never_skipped() -> None:
    document = said("price", validUntil=(NOW + timedelta(days=1)).isoformat())

    assert parsed(document, "validUntil") == price(valid_until=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        (said("price", partner="acme"), price(partner="acme")),
        (said("price", partner=None), price()),
        (said("price", interval="P1M"), price(interval="P1M")),
        (said("price", interval=None), price()),
        (said("availability", validFrom="2099-01-01T00:00:00Z"), availability(valid_from="2099-01-01T00:00:00Z")),
        (said("availability", validUntil="2099-01-01T00:00:00Z"), availability(valid_until="2099-01-01T00:00:00Z")),
        (said("availability", validFrom=None, validUntil=None), availability()),
    ],
)
def test_a_price_may_be_for_a_partner_or_recurring_and_an_availability_for_a_period(
    document: dict[str, Any], fact: Fact
) -> None:
    assert parsed(document) == fact


@pytest.mark.parametrize(("text", "quantity"), [("2", 2), ("2.0", 2), ("2e0", 2), ("1", 1), ("null", 1), ("2147483647", 2**31 - 1)])  # fmt: skip
def test_a_product_may_be_needed_several_times(text: str, quantity: int) -> None:
    document = json.dumps(said("offer", products=[{"productCode": "SKU-1", "quantity": 77}])).replace("77", text)

    fact = parse_fact(document.encode())

    assert isinstance(fact, OfferFact)
    assert [product.quantity for product in fact.products] == [quantity]


def test_a_product_without_a_quantity_is_needed_once() -> None:
    fact = parsed(said("offer", products=[{"productCode": "SKU-1"}]))

    assert isinstance(fact, OfferFact)
    assert [product.quantity for product in fact.products] == [1]


@pytest.mark.parametrize("sequence", [True, False, "5", 1.5, None, [1], -1, 2**63, 1e300])
@pytest.mark.parametrize("kind", FACT_MODELS)
def test_a_sequence_is_a_whole_number_and_nothing_else(kind: FactKind, sequence: object) -> None:
    assert refused(said(kind, sequence=sequence)).startswith("/sequence: ")


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("2.0", 2), ("2e0", 2), ("20e-1", 2), ("9007199254740993", 2**53 + 1)])  # fmt: skip
def test_a_number_that_equals_a_whole_one_is_that_one(text: str, number: int) -> None:
    document = json.dumps(said("availability", quantity=0)).replace('"quantity": 0', f'"quantity": {text}')

    fact = parse_fact(document.encode())

    assert isinstance(fact, AvailabilityFact)
    assert fact.quantity == number


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (said("availability", quantity="5"), "/quantity"),
        (said("availability", quantity=True), "/quantity"),
        (said("offer", quantity={"min": "1"}), "/quantity/min"),
        (said("offer", quantity={"step": False}), "/quantity/step"),
        (said("offer", name=5), "/name"),
        (said("offer", countries="GB"), "/countries"),
        (said("offer", products=[{"productCode": 5}]), "/products/0/productCode"),
        (said("offer", products=[{}]), "/products/0/productCode"),
        *(
            (said("offer", products=[{**PRODUCT, "quantity": quantity}]), "/products/0/quantity")
            for quantity in (0, -1, 1.5, "2", True, False, [1], 2**31, 1e300)
        ),
        (said("price", partner=""), "/partner"),
        (said("price", partner=7), "/partner"),
        (said("availability", validFrom="2099-01-01"), "/validFrom"),
        (said("availability", validUntil=4102444799), "/validUntil"),
        (said("offer", products={"0": {"productCode": "SKU-1"}}), "/products"),
        (said("price", amount=10.0), "/amount"),
        (said("price", validFrom="20991231"), "/validFrom"),
        (said("price", validFrom=4102444799), "/validFrom"),
        (said("offer", onSaleFrom="2026-01-01"), "/onSaleFrom"),
        (said("policy", checks={"price_chnaged": "off"}), "/checks/price_chnaged"),
        (said("policy", checks={"price_changed": "loud"}), "/checks/price_changed"),
        (said("policy", crashedCheckBlocks=1), "/crashedCheckBlocks"),
        (said("policy", maximumLines="3"), "/maximumLines"),
    ],
)
def test_a_wrong_type_is_not_guessed_and_named_by_its_place(document: dict[str, Any], pointer: str) -> None:
    assert refused(document).startswith(f"{pointer}: ")


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (said("price", validFrom="2027-01-01T00:00:00Z", validUntil="2026-01-01T00:00:00Z"), "/validUntil"),
        (said("price", validFrom="2027-01-01T01:00:00+01:00", validUntil="2027-01-01T00:00:00Z"), "/validUntil"),
        (said("availability", validFrom="2027-01-01T00:00:00Z", validUntil="2026-01-01T00:00:00Z"), "/validUntil"),
        (said("availability", validFrom="2027-01-01T00:00:00Z", validUntil="2027-01-01T00:00:00Z"), "/validUntil"),
        (said("offer", onSaleFrom="2027-01-01T00:00:00Z", onSaleUntil="2026-01-01T00:00:00Z"), "/onSaleUntil"),
        (said("offer", quantity={"min": 5, "max": 4}), "/quantity/max"),
        (said("offer", quantity={"max": 4, "step": 6}), "/quantity/step"),
        (said("offer", quantity={"min": 7, "max": 11, "step": 6}), "/quantity/step"),
    ],
)  # fmt: skip
def test_a_fact_that_contradicts_itself_is_refused(document: dict[str, Any], pointer: str) -> None:
    assert refused(document).startswith(f"{pointer}: ")


@pytest.mark.parametrize(
    "document",
    [
        said("offer", quantity={"min": 6, "max": 6, "step": 6}),
        said("offer", quantity={"min": 7, "step": 6}),
        said("offer", quantity={"min": 4, "max": 4}),
        said("price", validFrom="2026-01-01T00:00:00Z", validUntil="2026-01-01T00:00:00.000001Z"),
        said("availability", quantity=-2),
    ],
)
def test_a_fact_with_few_members_contradicts_nothing(document: dict[str, Any]) -> None:
    parsed(document)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"sequence": 1}', b'{"kind": "coupon"}'])
def test_a_document_without_a_kind_is_no_fact(text: bytes) -> None:
    with pytest.raises(InvalidFact):
        parse_fact(text)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (said("price", country="ZZ"), "/country"),
        (said("price", country="UK"), "/country"),
        (said("price", currency="ABC"), "/currency"),
        (said("price", currency="XTS"), "/currency"),
        (said("availability", country="XK"), "/country"),
        (said("offer", countries=["GB", "EU"]), "/countries/1"),
        (said("policy", maximumTotal=[{"amount": "1", "currency": "ZZZ"}]), "/maximumTotal/0/currency"),
        (
            said("policy", priceTolerance={"amounts": [{"amount": "1", "currency": "BTC"}]}),
            "/priceTolerance/amounts/0/currency",
        ),
    ],
)
def test_an_unknown_code_is_refused_and_stored_facts_with_one_stay_readable(
    document: dict[str, Any], pointer: str
) -> None:
    assert refused(document).startswith(f"{pointer}: ")
    assert FACT.validate_python(document).kind == document["kind"]


@pytest.mark.parametrize("character", ["\x9b", "\x85", "\u202e", "\u2066", "\u2028"])
def test_a_control_character_is_refused_and_stored_facts_with_one_stay_readable(
    character: str,
) -> None:
    text = f"a{character}b"
    for document, pointer in (
        (said("offer", name=text), "/name"),
        (said("offer", products=[PRODUCT, {"productCode": text}]), "/products/1/productCode"),
        (said("availability", reason=text), "/reason"),
        (said("policy", partner=text), "/partner"),
    ):
        assert refused(document).startswith(f"{pointer}: a character")
        with pytest.raises(InvalidFact, match=f"^{pointer}: a character"):
            parse_fact(json.dumps(document, ensure_ascii=False).encode())
        assert FACT.validate_python(document).kind == document["kind"]
    assert parsed(said("offer", name="Zeitung für Äöß 日本 🗞")).kind == "offer"


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"kind": "price", "sequence": 1, "sequence": 2}', "/sequence"),
        ('{"kind": "price", "validUntil": null, "validUntil": null}', "/validUntil"),
        ('{"kind": "offer", "products": [{}, {"productCode": "a", "productCode": "b"}]}', "/products/1/productCode"),
        ('{"kind": "price", "kind": "offer"}', "/kind"),
        ('{"kind": "price", "colour": 1, "colour": 2}', "/colour"),
    ],
)  # fmt: skip
def test_a_repeated_member_is_refused(text: str, pointer: str) -> None:
    kinds: list[FactKind | None] = [None, "price", "offer"]
    for kind in kinds:
        with pytest.raises(InvalidFact, match=f"^{pointer}: the member stands twice"):
            parse_fact(text.encode(), kind, ["colour"])


def test_very_many_mistakes_are_reported_in_one_line() -> None:
    document = said("price", **{f"colour-{number}": number for number in range(1_000)})

    assert refused(document).endswith("; and 995 more")
