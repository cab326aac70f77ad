"""A basket beside how it was: what is marked is what differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.basket.basket import Basket
from domain.operating.differing import differences
from domain.operating.showing import basket_document
from operations.console.marked import Marked, marked
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
    items = [
        line(id, f"o-{id}", quantity=quantity, price=money(amount))
        for id, (quantity, amount) in lines.items()
    ]
    made = basket(*items)
    made.details = details(**values)
    return made


@given(BASKETS, BASKETS)
def test_a_line_is_marked_just_where_it_differs(before: Basket, after: Basket) -> None:
    told = {each.id: each.mark for each in marked(basket_document(before), basket_document(after)).lines}
    kinds = {"added": set(after.items) - set(before.items), "removed": set(before.items) - set(after.items)}
    for id in {*before.items, *after.items}:
        expected = next((mark for mark, ids in kinds.items() if id in ids), "")
        if not expected and before.items[id] != after.items[id]:
            expected = "changed"
        assert told[id] == expected


@given(BASKETS, BASKETS)
def test_nothing_is_marked_where_nothing_differs_and_something_where_anything_does(
    before: Basket, after: Basket
) -> None:
    shown = marked(basket_document(before), basket_document(after))
    assert bool(shown.differs) == bool(differences(before, after))
    assert marked(basket_document(after), basket_document(after)).differs == 0


@given(BASKETS)
def test_without_another_one_nothing_is_marked_and_all_is_shown(only: Basket) -> None:
    shown = marked(None, basket_document(only))
    assert shown.differs == 0
    assert [each.id for each in shown.lines] == [*only.items]


def test_a_change_is_told_with_what_stood_there_before() -> None:
    before, after = made({"a": (1, "2.00")}), made({"a": (3, "2.00")}, source="web", tracking={"x": "1"})
    shown = marked(basket_document(before), basket_document(after))
    facts = dict(shown.facts)
    [only] = shown.lines
    assert only.quantity == Marked("3", "1", "changed")
    assert only.total == Marked("6.00 GBP", "2.00 GBP", "changed")
    assert only.price == Marked("2.00 GBP")
    assert facts["Source"] == Marked("web", None, "added")
    assert facts["Tracking: x"] == Marked("1", None, "added")
    assert facts["Total"] == Marked("6.00 GBP", "2.00 GBP", "changed")


def test_what_left_is_told_as_it_was() -> None:
    before, after = made({"a": (1, "2.00")}, source="web", tracking={"x": "1"}), made({})
    shown = marked(basket_document(before), basket_document(after))
    facts = dict(shown.facts)
    assert [(each.mark, each.quantity) for each in shown.lines] == [("removed", Marked("1"))]
    assert facts["Source"] == Marked(None, "web", "removed")
    assert facts["Tracking: x"] == Marked(None, "1", "removed")
