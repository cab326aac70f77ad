"""The kit's fold of events gives the order as GET answers it."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.responses import order_body
from checkout_client.basket_state import BasketState, MissingEvents, UnknownEventType
from checkout_client.models import EVENT_TYPES, BasketEvent, UnknownEvent, parse_event
from checkout_client.models.answers import Basket
from domain.basket.decision import CheckoutConfig
from domain.operators.history.as_of import BasketHistory
from tests.builders import InMemoryCheckout
from tests.random_baskets import CATALOGUE, RandomLife

GIFTED = "checkout.basket-gifted.v1"


async def a_life(dice: random.Random, steps: int) -> tuple[InMemoryCheckout, str]:
    """A checkout with one basket, and the basket's id."""
    checkout = InMemoryCheckout()
    await checkout.record(*CATALOGUE)
    by_activity = InMemoryCheckout(checkout.clock, checkout.ids, CheckoutConfig(expiry_from="last_change"))
    by_activity.share(checkout)
    handlers = dice.choice([checkout, by_activity]).handlers
    return checkout, await RandomLife(handlers, checkout.store, checkout.clock, dice).live(steps)


async def compare(checkout: InMemoryCheckout, basket_id: str) -> Counter[str]:
    """Compares the fold with GET at every version. Returns the types of the events."""
    history, state = BasketHistory(checkout.store), BasketState()
    met = Counter[str]()
    for stored in await checkout.store.read_events(basket_id):
        event = parse_event(stored.type, stored.data)
        met[event.type] += 1
        basket = (await history.at_version(basket_id, stored.version)).basket
        order = state.apply([event], unknown="pass_over").order()
        answer = json.loads(order_body(basket))
        assert order.to_wire() == answer["order"]
        assert order == Basket.model_validate(answer).order
        later = basket.expires_at + timedelta(seconds=1)
        assert state.order(later).status == basket.status_at(later)
    assert state.unknown_types == ({GIFTED} if GIFTED in met else set())
    return met


@given(dice=st.randoms(use_true_random=False), steps=st.integers(0, 9))
@settings(max_examples=60)
async def test_a_basket_at_every_version_is_what_get_answers(dice: random.Random, steps: int) -> None:
    await compare(*await a_life(dice, steps))


async def test_every_type_of_event_is_folded_as_get_answers() -> None:
    met = Counter[str]()
    for seed in range(60):
        met += await compare(*await a_life(random.Random(seed), 9))
    assert met.keys() == EVENT_TYPES.keys() | {GIFTED}


async def events_of_a_basket() -> list[BasketEvent | UnknownEvent]:
    checkout, basket_id = await a_life(random.Random(1), 5)
    return [parse_event(stored.type, stored.data) for stored in await checkout.store.read_events(basket_id)]


async def test_an_unknown_type_is_refused_unless_it_may_be_passed_over() -> None:
    events = await events_of_a_basket()
    new = UnknownEvent(
        type="checkout.basket-painted.v1", basket_id="b", version=len(events) + 1, occurred_at=events[-1].occurred_at
    )
    state = BasketState().apply(events)
    with pytest.raises(UnknownEventType, match=r"checkout\.basket-painted\.v1"):
        state.apply([new])
    assert state.version == len(events)
    assert state.apply([new], unknown="pass_over").version == len(events) + 1
    assert state.unknown_types == {"checkout.basket-painted.v1"}


async def test_a_missing_event_is_told_and_a_repeated_one_passed_over() -> None:
    events = await events_of_a_basket()
    state = BasketState().apply(events[:2])
    with pytest.raises(MissingEvents):
        state.apply(events[3:])
    expected: Any = BasketState().apply(events).order()
    assert state.apply([*events[:2], *events[1:]]).order() == expected


def test_there_is_no_order_before_the_first_event() -> None:
    with pytest.raises(MissingEvents):
        BasketState().order()
