from __future__ import annotations

import asyncio

import pytest

from domain.basket.repository import BasketRepository
from tests.builders import InMemoryCheckout

BASKET = "basket-1"


class Turns:
    """Callers who each take a turn on one basket, and note when it came."""

    def __init__(self) -> None:
        self.baskets = BasketRepository(InMemoryCheckout().store)
        self.came: list[int] = []

    async def take(self, number: int) -> None:
        await self.baskets.wait_for_turn(BASKET)
        self.came.append(number)

    async def call(self, number: int) -> asyncio.Task[None]:
        """Begins to wait."""
        caller = asyncio.create_task(self.take(number))
        await asyncio.sleep(0)
        return caller


async def test_turns_come_in_the_order_of_their_callers() -> None:
    turns = Turns()
    callers = [await turns.call(number) for number in range(3)]
    assert turns.came == [0]
    for count in (2, 3):
        turns.baskets.end_turn(BASKET)
        await callers[count - 1]
        assert turns.came == [*range(count)]


async def test_another_basket_has_its_own_turns() -> None:
    turns = Turns()
    await turns.call(0)
    await turns.baskets.wait_for_turn("basket-2")


async def test_a_basket_is_free_again_after_its_last_turn() -> None:
    turns = Turns()
    for number in range(2):
        await turns.take(number)
        turns.baskets.end_turn(BASKET)
    assert turns.came == [0, 1]


@pytest.mark.parametrize("came_already", [False, True])
async def test_a_cancelled_caller_leaves_its_turn_to_the_next(came_already: bool) -> None:
    turns = Turns()
    _, gone, last = [await turns.call(number) for number in range(3)]
    if came_already:
        turns.baskets.end_turn(BASKET)
        gone.cancel()
    else:
        gone.cancel()
        await asyncio.sleep(0)
        turns.baskets.end_turn(BASKET)
    await last
    assert gone.cancelled()
    assert turns.came == [0, 2]
