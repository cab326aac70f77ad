"""Each event in one sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.basket.basket import Basket
from domain.basket.codec import KNOWN_TYPES, decode
from domain.basket.events import BasketDetailsChanged, OrderItem, OrderItemAdded, OrderItemRepriced, UnknownEvent
from domain.operators.history.event_descriptions import describe_event
from domain.shared.eventsourcing import DomainEvent
from domain.shared.findings import Finding, Verdict
from tests.builders import LIFETIME, NOW, basket, details, expected, line, money, unpriced
from tests.domain.stored import samples


def held(**given: Any) -> Basket:
    """A basket with an offer of two, and an add-on under it."""
    return basket(
        line("line-1", "o-1", 2),
        line("line-2", "a-7@v-3", parent_id="line-1", price=money("3.50")),
        external_id="E-1",
        **given,
    )


def added(which: OrderItem) -> DomainEvent:
    after = held()
    after.add_item(which, NOW)
    (event,) = after.collect()
    return event


def finding(code: str, severity: str = "error", **about: str) -> Finding:
    return Finding.model_validate(
        {"code": code, "severity": severity, "resolution": "retry", "message": "", "path": "$", **about}
    )


def judged(*findings: Finding) -> str:
    after = held()
    blocked = tuple(each for each in findings if each.product_code)
    others = tuple(each for each in findings if not each.product_code)
    after.record_verdict(Verdict(blocked_products=blocked, validation_errors=others, evidence=()), NOW)
    (event,) = after.collect()
    return describe_event(event, held())


def changed(**given: Any) -> str:
    after = held(tracking={"offers": ["/a"], "user": "u-1"})
    after.set_details(details(**{"external_id": "E-1", **given}), NOW)
    (event,) = after.collect()
    return describe_event(event, held(tracking={"offers": ["/a"], "user": "u-1"}))


def test_the_first_event_describes_all_details_except_personal_data() -> None:
    said = details(
        external_id="E-1",
        source="shop",
        order_type="new",
        tracking={"offers": ["/offers/x"], "email": "ada@example.org"},
        custom_fields={"gift": True},
    )
    begun = Basket.initiate(id="basket-1", partner="acme", details=said, now=NOW, expires_at=NOW + LIFETIME)
    (event,) = begun.collect()

    assert describe_event(event, None) == (
        "initiated by acme: external id E-1, country GB, currency GBP, source shop, order type new, "
        "tracking email, offers, custom fields gift, open until 2026-12-07T12:00:00.000Z"
    )


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (line("l", "o-2", 3), "3 × o-2 v-1 added at 10.00 GBP"),
        (unpriced(line("l", "o-2")), "1 × o-2 v-1 added without a price"),
        (
            line("l", "a-7@v-3", parent_id="line-1"),
            "1 × add-on a-7 v-3 added under o-1 v-1 at 10.00 GBP",
        ),
        (line("l", "a-7", parent_id="gone"), "1 × add-on a-7 v-1 added under line gone at 10.00 GBP"),
        (
            line("l", "o-2", expected_price=money("9.50")),
            "1 × o-2 v-1 added at 10.00 GBP, expected at 9.50 GBP",
        ),
    ],
)
def test_an_added_line_is_described_with_quantity_offer_and_price(which: OrderItem, words: str) -> None:
    assert describe_event(added(which), held()) == words


def test_an_added_line_says_if_the_catalogue_did_not_know_it() -> None:
    event = OrderItemAdded.model_validate(samples()["order-item-added-unknown"])
    assert describe_event(event, held()).endswith("added, unknown to the catalogue")


def test_a_removed_line_is_named_and_takes_its_add_ons_along() -> None:
    after = held()
    after.remove_item("line-1", NOW)
    add_on, offer = after.collect()

    assert describe_event(add_on, held()) == "1 × add-on a-7 v-3 removed along with its offer"
    assert describe_event(offer, held()) == "2 × o-1 v-1 removed"


def test_a_changed_quantity_is_described_with_the_old_one() -> None:
    after = held()
    after.change_quantity("line-1", 3, NOW)
    (event,) = after.collect()

    assert describe_event(event, held()) == "quantity of o-1 v-1 from 2 to 3"
    assert describe_event(event, None) == "quantity of line line-1 from 2 to 3"


def test_an_expected_price_is_set_changed_or_removed() -> None:
    after = held()
    for price in (expected(money("9")), expected(money("8")), None):
        after.expect_price("line-1", price, NOW)

    assert [describe_event(event, held()) for event in after.collect()] == [
        "expected price of o-1 v-1 now 9 GBP",
        "expected price of o-1 v-1 from 9 GBP to 8 GBP",
        "expected price of o-1 v-1 no longer 8 GBP",
    ]


def test_a_swap_names_both_offers_and_the_new_price() -> None:
    before = held().items["line-1"]
    other = line("line-1", "o-2@v-4", 3, price=money("25.50"))
    after = held()
    after.swap_item(other, ["line-2"], NOW)
    after.swap_item(unpriced(before), [], NOW)
    add_on, swapped, back = after.collect()

    assert describe_event(add_on, held()) == "1 × add-on a-7 v-3 removed along with its offer"
    assert describe_event(swapped, held()) == "2 × o-1 v-1 swapped for 3 × o-2 v-4 at 25.50 GBP"
    assert describe_event(back, None) == "3 × o-2 v-4 swapped for 2 × o-1 v-1 without a price"


def test_an_accepted_price_is_described_with_the_old_one() -> None:
    after = held()
    after.reprice("line-1", money("12.00"), NOW)
    (event,) = after.collect()
    unpriced_before = OrderItemRepriced.model_validate(samples()["order-item-repriced-unpriced"])

    assert describe_event(event, held()) == "price of o-1 v-1 from 10.00 GBP to 12.00 GBP, accepted"
    assert describe_event(event, None) == "price of line line-1 from 10.00 GBP to 12.00 GBP, accepted"
    assert describe_event(unpriced_before, None).endswith("now 0.0001 EUR, accepted")


def test_changed_details_describe_each_difference_except_personal_data() -> None:
    assert changed(external_id=None, country="IE", source="kiosk", tracking={"offers": ["/b"], "new": "ada"}) == (
        "external id no longer E-1; country from GB to IE; source now kiosk; tracking differ in new, offers, user"
    )


def test_changed_details_are_only_named_if_the_old_ones_are_unknown() -> None:
    event = BasketDetailsChanged.model_validate(samples()["basket-details-changed"])
    assert describe_event(event, None) == f"{', '.join(event.changed)} changed"


def test_a_verdict_lists_its_findings_and_what_each_is_about() -> None:
    assert judged() == "judged ready"
    assert judged(finding("product_low_stock", "warning", product_code="SKU-1")) == (
        "judged ready; warned of product_low_stock (SKU-1)"
    )
    assert judged(
        finding("product_blocked", product_code="SKU-1", offer_id="o-1"),
        finding("price_changed", offer_id="o-1"),
        finding("price_changed", offer_id="o-1"),
        finding("basket_expired"),
        finding("price_expires_soon", "warning", offer_id="o-2"),
    ) == (
        "judged not ready: product_blocked (SKU-1), price_changed (o-1), basket_expired; "
        "warned of price_expires_soon (o-2)"
    )


def test_a_verdict_with_many_findings_lists_some_and_counts_the_rest() -> None:
    words = judged(*(finding("price_missing", offer_id=f"o-{number}") for number in range(500)))
    assert words.endswith("price_missing (o-11) and 488 more")


def test_a_rejected_order_and_a_cancellation_are_described() -> None:
    named, unnamed = held(), held()
    named.complete("order-9", NOW)
    named.reopen("the card was declined", NOW, NOW + 2 * LIFETIME)
    unnamed.complete(None, NOW)
    unnamed.reopen(None, NOW, NOW)
    coded, told = held(), held()
    coded.cancel("left", None, NOW)
    told.cancel("left", "No more.", NOW)

    events = [after.collect()[-1] for after in (named, unnamed, coded, told)]
    assert [describe_event(event, held()) for event in events] == [
        "open again until 2026-12-21T12:00:00.000Z, because order order-9 was rejected: the card was declined",
        "open again until 2026-12-07T12:00:00.000Z, because the order that was not named was rejected",
        "cancelled: left",
        "cancelled: left, No more.",
    ]


def test_a_basket_that_expires_by_activity_says_so_when_it_begins() -> None:
    begun = Basket.initiate(
        id="basket-1", partner="acme", details=details(), now=NOW, expires_at=NOW + LIFETIME, idle_seconds=1_209_600
    )
    (event,) = begun.collect()
    assert describe_event(event, None).endswith(
        "open until 2026-12-07T12:00:00.000Z, then for 14 d 0 h after each change"
    )


def test_expiry_completion_and_erasure_are_described() -> None:
    expired, completed, unnamed = held(), held(), held()
    expired.expire(NOW + LIFETIME)
    completed.complete("order-9", NOW)
    unnamed.complete(None, NOW)

    assert [describe_event(event, held()) for ended in (expired, completed, unnamed) for event in ended.collect()] == [
        "expired",
        "completed by order order-9",
        "completed by an order that was not named",
    ]


def test_an_event_type_of_a_later_release_is_named_as_such() -> None:
    event = UnknownEvent(
        originator_id="basket-1",
        originator_version=3,
        timestamp=NOW,
        type="checkout.basket-gifted.v1",
        document={},
    )
    assert describe_event(event, held()) == "checkout.basket-gifted.v1: of a later release than this one, passed over"


def test_every_stored_event_is_described_even_without_its_basket() -> None:
    events = [decode(document) for document in samples().values()]
    assert {event.TOPIC for event in events} == KNOWN_TYPES
    for event in events:
        for before in (None, basket()):
            words = describe_event(event, before)
            assert words
            assert words.isprintable()


def test_control_characters_are_escaped() -> None:
    assert changed(tracking={"\x1b[2J": 1, "ä": 2}).startswith(r"tracking differ in \x1b[2J")


def test_times_are_shown_in_utc_to_the_millisecond() -> None:
    later = NOW + timedelta(microseconds=123_456)
    begun = Basket.initiate(id="b", partner="acme", details=details(), now=NOW, expires_at=later)
    assert describe_event(begun.collect()[0], None).endswith("open until 2026-11-23T12:00:00.123Z")
