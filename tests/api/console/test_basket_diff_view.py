"""A basket beside how it was: what is marked is what differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.console.basket_diff_view import MarkedValue, mark_differences
from domain.basket.basket import Basket
from domain.operators.history.basket_diff import diff_baskets
from domain.operators.history.basket_json import basket_json
from tests.builders import basket, details, line, money

LINES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.tuples(st.integers(1, 3), st.sampled_from(["1.00", "2.00"])),
    max_size=4,
)
TRACKING = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]), max_size=2)
BASKETS = st.builds(
    lambda lines, source, tracking: made(lines, source=source, tracking=tracking),
    LINES,
    st.sampled_from([None, "web", "app"]),
    TRACKING,
)


def made(lines: dict[str, tuple[int, str]], **values: object) -> Basket:
    """A basket with a line for each id, of such a quantity and price."""
    items = [line(id, f"o-{id}", quantity=quantity, price=money(amount)) for id, (quantity, amount) in lines.items()]
    made = basket(*items)
    made.details = details(**values)
    return made


@given(BASKETS, BASKETS)
def test_a_line_is_marked_only_if_it_differs(before: Basket, after: Basket) -> None:
    told = {each.id: each.mark for each in mark_differences(basket_json(before), basket_json(after)).lines}
    kinds = {"added": set(after.items) - set(before.items), "removed": set(before.items) - set(after.items)}
    for id in {*before.items, *after.items}:
        expected = next((mark for mark, ids in kinds.items() if id in ids), "")
        if not expected and before.items[id] != after.items[id]:
            expected = "changed"
        assert told[id] == expected


@given(BASKETS, BASKETS)
def test_something_is_marked_only_if_the_baskets_differ(before: Basket, after: Basket) -> None:
    shown = mark_differences(basket_json(before), basket_json(after))
    assert bool(shown.differs) == bool(diff_baskets(before, after))
    assert mark_differences(basket_json(after), basket_json(after)).differs == 0


@given(BASKETS)
def test_without_another_version_everything_is_shown_and_nothing_is_marked(only: Basket) -> None:
    shown = mark_differences(None, basket_json(only))
    assert shown.differs == 0
    assert [each.id for each in shown.lines] == [*only.items]


def test_a_change_shows_the_value_before() -> None:
    before, after = made({"a": (1, "2.00")}), made({"a": (3, "2.00")}, source="web", tracking={"x": "1"})
    shown = mark_differences(basket_json(before), basket_json(after))
    facts = dict(shown.facts)
    [only] = shown.lines
    assert only.quantity == MarkedValue("3", "1", "changed")
    assert only.total == MarkedValue("6.00 GBP", "2.00 GBP", "changed")
    assert only.price == MarkedValue("2.00 GBP")
    assert facts["Source"] == MarkedValue("web", None, "added")
    assert facts["Tracking: x"] == MarkedValue("1", None, "added")
    assert facts["Total"] == MarkedValue("6.00 GBP", "2.00 GBP", "changed")


def test_a_removed_line_is_shown_as_it_was() -> None:
    before, after = made({"a": (1, "2.00")}, source="web", tracking={"x": "1"}), made({})
    shown = mark_differences(basket_json(before), basket_json(after))
    facts = dict(shown.facts)
    assert [(each.mark, each.quantity) for each in shown.lines] == [("removed", MarkedValue("1"))]
    assert facts["Source"] == MarkedValue(None, "web", "removed")
    assert facts["Tracking: x"] == MarkedValue(None, "1", "removed")
