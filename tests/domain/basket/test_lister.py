"""The list of an organisation's own baskets, where views and events disagree."""

from __future__ import annotations

from dataclasses import replace

from domain.ports.basket_list import BasketFilter
from tests.builders import PARTNER, InMemoryCheckout, add, caller, initiate, item, update


async def ids_of(checkout: InMemoryCheckout, **conditions: object) -> list[str]:
    page = await checkout.lister.page(BasketFilter.model_validate({"partner": PARTNER, **conditions}), None, 10)
    return [basket.id for basket in page.baskets]


async def two_baskets(checkout: InMemoryCheckout) -> list[str]:
    ids = [
        (await checkout.handlers.initiate(initiate(item(), external_id=name), caller())).basket.id
        for name in ("E-1", "E-2")
    ]
    await checkout.project()
    return ids


async def test_a_basket_that_no_longer_matches_is_left_out_before_its_view_says_so() -> None:
    checkout = InMemoryCheckout()
    first, second = await two_baskets(checkout)
    await checkout.handlers.initiate(initiate(item(), checkout_id=first, external_id="E-9"), caller())

    assert await ids_of(checkout, external_id="E-1") == []
    assert await ids_of(checkout, external_id="E-2") == [second]


async def test_a_view_of_another_release_is_listed_by_its_events() -> None:
    checkout = InMemoryCheckout()
    first, second = await two_baskets(checkout)
    held = checkout.views.rows[first]
    checkout.views.rows[first] = replace(held, snapshot=b'{"of": "another release"}')

    assert await ids_of(checkout) == [second, first]


async def test_a_basket_that_cannot_be_read_hides_no_other() -> None:
    checkout = InMemoryCheckout()
    first, second = await two_baskets(checkout)
    checkout.views.rows["basket-gone"] = replace(checkout.views.rows[first], basket_id="basket-gone")

    assert await ids_of(checkout) == [second, first]


async def test_the_list_says_what_the_store_holds_and_not_what_was_listed_before() -> None:
    checkout = InMemoryCheckout()
    first, _ = await two_baskets(checkout)
    for quantity in (1, 2, 3):
        await checkout.handlers.update(update(first, add("o-1", 1)), caller())
        page = await checkout.lister.page(BasketFilter(partner=PARTNER, external_id="E-1"), None, 1)
        (line,) = page.baskets[0].items.values()
        assert line.quantity == quantity + 1
