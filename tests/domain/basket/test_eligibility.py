"""The country of eligibility: which detail names it, and that an erasure keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from domain.basket.basket import Basket
from domain.basket.codec import encode
from domain.basket.eligibility import with_market
from domain.basket.events import BasketPersonalDataForgotten
from domain.basket.personal_fields import may_hold_personal_data, without_personal_data
from domain.shared.iso_codes import COUNTRIES
from tests.builders import LIFETIME, NOW, InMemoryCheckout, basket, caller, details, initiate, item
from tests.builders import basket_id as an_id
from tests.scenario import Scenario

NAMED: dict[str, Any] = {
    "country": None,
    "delivery_details": {"country": "IE"},
    "tracking": {"purchaseCountryCode": "fr"},
    "billing_details": {"country": "DE"},
}


@pytest.mark.parametrize(
    ("given", "market"),
    [
        (NAMED | {"country": "GB"}, ("GB", "country")),
        (NAMED, ("IE", "deliveryDetails.country")),
        (NAMED | {"delivery_details": {}}, ("FR", "tracking.purchaseCountryCode")),
        (NAMED | {"delivery_details": {"country": " "}, "tracking": {"a": 1}}, ("DE", "billingDetails.country")),
        (NAMED | {"delivery_details": {"country": None}, "tracking": {"purchaseCountryCode": ""}}, ("DE", "billingDetails.country")),
        (NAMED | {"delivery_details": {"country": ["IE"]}, "tracking": {"purchaseCountryCode": 7}}, ("DE", "billingDetails.country")),
        ({"country": None, "customer_details": {"country": "GB"}}, (None, None)),
        ({"country": None, "tracking": {"purchaseCountryCode": "UK"}}, (None, None)),
    ],
)  # fmt: skip
def test_the_first_detail_that_names_a_country_counts(given: dict[str, Any], market: tuple[str, str]) -> None:
    begun = Basket.initiate(id=an_id(), partner="shop", details=details(**given), now=NOW, expires_at=NOW + LIFETIME)
    assert (begun.market.country, begun.country_source) == market


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=2)


@given(
    st.sampled_from([None, "GB"]),
    *[st.dictionaries(st.sampled_from(["country", "purchaseCountryCode", "x"]), texts) for _ in range(3)],
)
def test_a_market_is_a_country_and_is_stored_only_where_another_detail_names_it(
    country: str | None, delivery: dict[str, str], tracking: dict[str, str], billing: dict[str, str]
) -> None:
    found = with_market(details(country=country, delivery_details=delivery, tracking=tracking, billing_details=billing))
    assert found.market is None or (country is None and found.market.country in COUNTRIES)
    assert with_market(found) == found


def test_an_erasure_and_later_changes_keep_the_market() -> None:
    sold = basket(**NAMED)
    sold.trigger_event(BasketPersonalDataForgotten, action_id="a-1", timestamp=NOW)
    assert sold.details.delivery_details == {}
    assert sold.market.country == "IE"
    sold.update_details({"source": "kiosk"}, NOW)
    assert (sold.market.country, sold.country_source) == ("IE", "deliveryDetails.country")
    sold.update_details({"billing_details": {"country": "NL"}}, NOW)
    assert (sold.market.country, sold.country_source) == ("NL", "billingDetails.country")


def test_an_initiate_names_the_market_anew() -> None:
    Scenario(basket(**NAMED)).when_ordered(country=None).then(
        ("details changed", "tracking", "billingDetails", "deliveryDetails", "market")
    )


def test_the_same_details_again_change_nothing_in_baskets_of_older_releases() -> None:
    Scenario(basket(country="GB", tracking={"purchaseCountryCode": "GB"})).when_ordered(
        country="GB", tracking={"purchaseCountryCode": "GB"}
    ).then()


async def test_details_change_and_lines_stay_where_no_items_are_given() -> None:
    checkout = InMemoryCheckout()
    begun = (await checkout.handlers.initiate(initiate(item("o-1", 2)), caller())).basket
    only_details = structs.replace(initiate(checkout_id=begun.id, source="kiosk"), items=None)
    changed = (await checkout.handlers.initiate(only_details, caller())).basket
    assert (changed.items, changed.details.source) == (begun.items, "kiosk")
    new = (await checkout.handlers.initiate(structs.replace(initiate(), items=None), caller())).basket
    assert (new.items, new.version) == ({}, 1)


@pytest.mark.parametrize("name", ["customer_details", "billing_details", "delivery_details"])
def test_details_of_persons_are_found_and_erased_in_documents(name: str) -> None:
    given: dict[str, Any] = {name: {"email": "ada@example.org"}}
    begun = Basket.initiate(id=an_id(), partner="shop", details=details(**given), now=NOW, expires_at=NOW + LIFETIME)
    (document,) = map(encode, begun.collect())
    assert may_hold_personal_data(document)
    erased = without_personal_data(document)
    assert (b"ada" in erased, may_hold_personal_data(erased)) == (False, False)


@pytest.mark.parametrize(
    "document",
    [
        b'{"details":{"tracking":{},"customFields":{},"dataSubject":null}}',
        b'{"details":{"tracking":{},"customFields":{}}}',
        b'{"order":{"tracking":{},"customFields":{},"dataSubject":null,"orderItems":[]}}',
    ],
)
def test_empty_details_of_older_releases_hold_no_personal_data(document: bytes) -> None:
    assert not may_hold_personal_data(document)
