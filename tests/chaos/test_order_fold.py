"""The foreign consumer's own fold gives what GET answers, at every version of random baskets."""

from __future__ import annotations

import json
import random

import pytest

from adapters.wire.responses import order_body
from domain.basket.codec import decode_all
from domain.basket.decision import CheckoutConfig
from domain.shared.eventsourcing import fold
from tests.builders import InMemoryCheckout
from tests.chaos.order_fold import OrderFold
from tests.random_baskets import CATALOGUE, RandomLife


@pytest.mark.parametrize("seed", range(12))
async def test_its_own_fold_gives_what_get_answers(seed: int) -> None:
    checkout = InMemoryCheckout(policy=CheckoutConfig(expiry_from="last_change" if seed % 2 else "creation"))
    await checkout.record(*CATALOGUE)
    id = await RandomLife(checkout.handlers, checkout.store, checkout.clock, random.Random(seed)).live(steps=30)

    folded, basket = OrderFold(), None
    for stored in await checkout.store.read_events(id):
        folded.apply(json.loads(stored.data))
        basket = fold(basket, decode_all(b"[%b]" % stored.data))
        assert basket is not None
        assert folded.body() == json.loads(order_body(basket))
