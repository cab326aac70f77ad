"""Properties of updates: random actions on random baskets, with a random catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from domain.basket.basket import Basket, line_key
from domain.basket.codec import decode_all, encode
from domain.basket.commands import (
    Action,
    ActionResult,
    AddItem,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateDetails,
)
from domain.basket.decision import BasketLimits, DecisionContext
from domain.basket.events import (
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
)
from domain.basket.update import apply_actions
from domain.catalogue.catalogue import Catalogue
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import DomainEvent, fold
from domain.shared.money import ExpectedPrice
from domain.shared.values import NewId
from tests.builders import (
    NOW,
    SequentialIds,
    basket,
    catalogue,
    expected,
    item_id,
    line,
    money,
    offer,
    price,
    ref,
    remove,
)

LIMITS = BasketLimits(max_quantity=9, max_items=5)
OFFERS = ["o-1@v-1", "o-1@v-2", "o-2@v-1", "a-1@v-1", "a-2@v-1", "o-unknown@v-1"]

prices = st.sampled_from(["9.00", "10.00", "12.00"])
money_values = st.builds(money, prices, st.sampled_from(["GBP", "GBP", "EUR"]))
expected_values = st.builds(expected, money_values) | st.builds(ExpectedPrice.of, money_values)
maybe_expected = st.none() | expected_values
quantities = st.integers(1, 4)
offers = st.sampled_from(OFFERS).map(ref)
hosts = st.none() | st.lists(st.sampled_from(["o-1", "o-2"]), max_size=2)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Every offer but one, each with or without a price in a currency; the add-ons fit anywhere or nowhere."""
    facts = [offer(each, add_on_to=draw(hosts) if each.startswith("a-") else None) for each in OFFERS[:-1]]
    priced = [
        price(each, draw(prices), draw(st.sampled_from(["GBP", "EUR"])), interval=draw(st.sampled_from([None, "P1M"])))
        for each in OFFERS
        if draw(st.booleans())
    ]
    return catalogue(*facts, *priced)


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """Up to two offers, each with up to two add-ons."""
    lines = [
        line(f"line-{number}", each, draw(quantities), price=draw(money_values), expected_price=draw(maybe_expected))
        for number, each in enumerate(draw(st.lists(st.sampled_from(OFFERS[:3]), max_size=2, unique=True)))
    ]
    add_ons = [
        line(f"{parent.id}-{each}", each, draw(quantities), parent_id=parent.id)
        for parent in lines
        for each in ("a-1", "a-2")
        if draw(st.booleans())
    ]
    return basket(*lines, *add_ons[: LIMITS.max_items - len(lines)], source="shop")


def action_on(held: Basket, own_id: str) -> st.SearchStrategy[Action]:
    """Any action on a line of the basket; those that add may bring an id that nothing else has."""
    parents = [each.id for each in held.items.values() if each.type == "offer"]
    own_ids = st.none() | st.just(own_id)
    new_offer = st.builds(RequestedItem, offers, quantities, own_ids, st.just("offer"), st.none(), maybe_expected)
    kinds: list[st.SearchStrategy[Action]] = [
        new_offer.map(AddItem),
        st.just(ClearItems()),
        st.fixed_dictionaries(
            {}, optional={"source": st.sampled_from([None, "shop", "web"]), "currency": st.sampled_from(["GBP", "EUR"])}
        ).map(UpdateDetails),
    ]
    if parents:
        under = st.sampled_from(parents)
        add_on = st.builds(RequestedItem, offers, quantities, own_ids, st.just("add_on"), under, maybe_expected)
        kinds.append(add_on.map(AddItem))
    if held.items:
        ids = st.sampled_from([*held.items])
        kinds += [
            st.builds(RemoveItem, ids),
            st.builds(ChangeQuantity, ids, st.integers(0, 4), maybe_expected),
            st.builds(SwapItem, ids, offers, st.none() | quantities),
            st.builds(SwapItem, ids, offers, st.none() | quantities),
            st.builds(ExpectPrice, ids, expected_values),
        ]
    return st.one_of(kinds)


@dataclass
class Applied:
    """Actions that a basket takes one by one, and what each of them did in an update of its own."""

    before: Basket
    known: Catalogue
    actions: tuple[Action, ...]
    after: Basket
    events: list[DomainEvent]
    results: list[ActionResult]

    def context(self, new_id: NewId | None = None) -> DecisionContext:
        return _context(self.before.fork(), self.known, new_id or SequentialIds())


def _context(fork: Basket, known: Catalogue, new_id: NewId) -> DecisionContext:
    return DecisionContext(fork, known, new_id, NOW, LIMITS)


@st.composite
def applied(draw: st.DrawFn) -> Applied:
    before, known, new_id = draw(baskets()), draw(catalogues()), SequentialIds()
    held, actions, events, results = before, list[Action](), list[DomainEvent](), list[ActionResult]()
    for number in range(draw(st.integers(0, 6))):
        action = draw(action_on(held, item_id(900_000 + number)))
        context = _context(held.fork(), known, new_id)
        try:
            (result,) = apply_actions(context, (action,))
        except InvalidCommand:
            continue  # such as a swap to what another line holds
        held = context.basket
        actions.append(action)
        events += held.collect()
        results.append(structs.replace(result, index=len(results)))
    for each in actions:
        event(each.kind)
    return Applied(before, known, tuple(actions), held, events, results)


@given(applied())
@settings(max_examples=200)
def test_an_update_does_what_its_actions_do_one_by_one(given: Applied) -> None:
    context = given.context()
    assert [*apply_actions(context, given.actions)] == given.results
    assert [*context.basket.collect()] == given.events
    assert context.basket == given.after


@given(applied(), st.data())
def test_a_refused_update_changes_nothing(given: Applied, data: st.DataObject) -> None:
    actions = [*given.actions]
    actions.insert(data.draw(st.integers(0, len(actions))), remove("nobody's"))
    state = _state(given.before)
    with pytest.raises(InvalidCommand) as refused:
        apply_actions(given.context(), tuple(actions))
    assert [violation.code for violation in refused.value.violations] == ["order_item_not_found"]
    assert _state(given.before) == state
    assert given.before.collect() == ()


@given(applied())
def test_no_two_lines_are_the_same_and_no_add_on_is_without_its_offer(given: Applied) -> None:
    lines = given.after.items.values()
    assert len({line_key(each) for each in lines}) == len(lines) <= LIMITS.max_items
    assert all(id == each.id for id, each in given.after.items.items())
    for each in lines:
        assert each.parent_id is None or given.after.items[each.parent_id].type == "offer"


@given(applied())
def test_the_stored_events_fold_to_the_same_basket(given: Applied) -> None:
    stored = b"[" + b",".join(encode(each) for each in given.events) + b"]"
    folded = fold(given.before.fork(), decode_all(stored))
    assert folded is not None
    assert _state(folded) == _state(given.after)


@given(applied())
def test_every_event_says_what_was_before_and_what_is_after(given: Applied) -> None:
    held = given.before.fork()
    for each in given.events:
        before = dict(held.items)
        each.mutate(held)
        match each:
            case OrderItemAdded(order_item=added):
                assert (before.get(added.id), held.items[added.id]) == (None, added)
            case OrderItemRemoved(order_item_id=id):
                assert id in before
                assert id not in held.items
            case OrderItemQuantityChanged(order_item_id=id):
                assert (before[id].quantity, held.items[id].quantity) == (each.before, each.after)
            case OrderItemPriceExpected(order_item_id=id):
                assert (before[id].expected_price, held.items[id].expected_price) == (each.before, each.after)
            case OrderItemRepriced(order_item_id=id):
                assert (before[id].price, held.items[id].price) == (each.before, each.after)
                assert each.before != each.after
            case OrderItemSwapped(after=after):
                assert (before[after.id], held.items[after.id]) == (each.before, after)
                assert each.before.offer != after.offer
                assert line_key(each.before)[2:] == line_key(after)[2:]


@given(applied())
def test_every_result_says_what_was_before_and_what_is_after(given: Applied) -> None:
    held, new_id = given.before, SequentialIds()
    for action, result in zip(given.actions, given.results, strict=True):
        context = _context(held.fork(), given.known, new_id)
        apply_actions(context, (action,))
        before, after = held.items, context.basket.items
        id = result.order_item_id
        if id is not None:
            assert result.before == (before[id].quantity if id in before else 0)
            assert result.after == (after[id].quantity if id in after else 0)
        assert {*result.removed} == before.keys() - after.keys()
        assert (result.status == "applied") == (_state(held)[1:] != _state(context.basket)[1:])
        held = context.basket


def _state(held: Basket) -> Sequence[object]:
    """The version, the details and the lines in their order."""
    return (held.version, held.details, [*held.items.values()])
