"""Which baskets a process keeps in memory."""

from __future__ import annotations

from domain.basket.repository import BasketRepository
from tests.builders import InMemoryCheckout, caller, initiate, item


async def begun(checkout: InMemoryCheckout, lines: int) -> str:
    wanted = [item(f"o-{number}") for number in range(lines)]
    return (await checkout.handlers.initiate(initiate(*wanted), caller())).basket.id


async def test_the_cache_holds_so_many_lines_and_drops_the_basket_used_longest_ago() -> None:
    checkout = InMemoryCheckout()
    one, other, last = [await begun(checkout, 2) for _ in range(3)]
    baskets = BasketRepository(checkout.store, cache_lines=6)  # each takes its two lines and one for itself

    for id in (one, other, one, last):
        await baskets.load(id)

    assert [baskets.cached(id) is not None for id in (one, other, last)] == [True, False, True]


async def test_a_basket_larger_than_the_cache_is_read_each_time() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, 7)
    baskets = BasketRepository(checkout.store, cache_lines=7)

    loaded = [await baskets.load(id) for _ in range(2)]

    assert [len(basket.items) for basket in loaded] == [7, 7]
    assert baskets.cached(id) is None
