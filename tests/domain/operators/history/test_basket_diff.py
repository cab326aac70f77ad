"""The descriptions of differences. `test_against_reference` checks that a diff is complete and its paths right."""

from __future__ import annotations

from domain.basket.basket import Basket
from domain.operators.history.basket_diff import diff_baskets
from domain.shared.findings import Verdict
from tests.builders import LIFETIME, NOW, basket, details, line, money, unpriced


def words(before: Basket, after: Basket) -> list[str]:
    return [each.words for each in diff_baskets(before, after)]


def test_a_basket_does_not_differ_from_itself_nor_by_its_version_alone() -> None:
    judged = basket(line())
    judged.record_verdict(Verdict(blocked_products=(), validation_errors=(), evidence=()), NOW)
    again = judged.fork()
    again.record_verdict(Verdict(blocked_products=(), validation_errors=(), evidence=()), NOW + LIFETIME)

    assert diff_baskets(judged, judged) == []
    assert diff_baskets(judged, again) == []


def test_lines_are_matched_by_their_ids_wherever_they_stand() -> None:
    before = basket(line("one", "o-1", 2), line("two", "o-2"), line("three", "a-1", parent_id="two"))
    after = basket(unpriced(line("four", "o-4", 5)), line("one", "o-1", 3))

    assert words(before, after) == [
        "1 × o-2 v-1 removed",
        "1 × add-on a-1 v-1 removed",
        "quantity of o-1 v-1 from 2 to 3",
        "line total of o-1 v-1 from 20.00 GBP to 30.00 GBP",
        "5 × o-4 v-1 added without a price",
        "total no longer 40.00 GBP",
    ]
    assert diff_baskets(before, after)[2].path == "$.orderItems[?@.id=='one'].quantity"


def test_a_line_of_one_id_may_be_another_offer_at_another_price() -> None:
    before = basket(line("one", "o-1", expected_price=money("9")))
    after = basket(line("one", "o-2", price=money("4")))

    assert words(before, after)[:3] == [
        "offer of o-1 v-1 from o-1 v-1 to o-2 v-1",
        "price of o-1 v-1 from 10.00 GBP to 4 GBP",
        "expected price of o-1 v-1 no longer 9 GBP",
    ]


def test_details_and_completion_are_described() -> None:
    before, after = basket(source="shop"), basket(country="IE")
    after.set_details(details(country="IE", external_id="E-1"), NOW)
    after.complete("order-1", NOW)

    assert words(before, after) == [
        "external id now E-1",
        "status from open to completed",
        "country from GB to IE",
        "source no longer shop",
        "order now order-1",
    ]


def test_a_cancellation_and_a_reopened_basket_are_described() -> None:
    before, cancelled, reopened = basket(), basket(), basket()
    cancelled.cancel("left", None, NOW)
    reopened.complete("order-1", NOW)
    ordered = reopened.fork()
    reopened.reopen(None, NOW, reopened.expires_at + LIFETIME)

    assert words(before, cancelled) == ["status from open to cancelled", "reason of the cancellation now left"]
    assert words(ordered, reopened) == [
        "status from completed to open",
        "end from 2026-12-07T12:00:00Z to 2026-12-21T12:00:00Z",
        "order no longer order-1",
    ]


def test_open_maps_are_compared_entry_by_entry() -> None:
    before = basket(tracking={"a": {"b": 1, "c": [1, 2]}, "gone": None, "flag": 1})
    after = basket(tracking={"a": {"b": 1, "c": [2, 1]}, "flag": True, "it's": "new \x1b[0m"})

    found = diff_baskets(before, after)

    assert [(each.kind, each.path, each.words) for each in found] == [
        ("changed", "$.tracking.a.c", "tracking: a: c from [1, 2] to [2, 1]"),
        ("removed", "$.tracking.gone", "tracking: gone no longer there"),
        ("changed", "$.tracking.flag", "tracking: flag from 1 to true"),
        ("added", "$.tracking['it\\'s']", r"tracking: it's now new \x1b[0m"),
    ]


def test_a_changed_verdict_is_a_difference() -> None:
    before, after = basket(), basket()
    after.record_verdict(Verdict(blocked_products=(), validation_errors=(), evidence=()), NOW)

    assert words(before, after) == ["judged ready, before: not judged"]
