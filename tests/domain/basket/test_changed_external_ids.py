"""An update may change a basket's external id: its claim moves, and never to an id that another open basket holds."""

from __future__ import annotations

import asyncio

import pytest

from domain.shared.errors import ExternalIdInUse
from tests.builders import (
    LIFETIME,
    InMemoryCheckout,
    InterruptedStore,
    add,
    caller,
    initiate,
    item,
    update,
    update_details,
)


async def begun(checkout: InMemoryCheckout, external_id: str | None = None, partner: str = "acme") -> str:
    command = initiate(item("o-1"), external_id=external_id)
    return (await checkout.handlers.initiate(command, caller(partner))).basket.id


async def set_external_id(checkout: InMemoryCheckout, id: str, *external_ids: str | None) -> None:
    actions = [update_details(external_id=external_id) for external_id in external_ids]
    await checkout.handlers.update(update(id, *actions), caller())


async def test_the_new_id_means_the_basket_from_then_on() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "E-1")
    await set_external_id(checkout, id, "E-2")
    assert await begun(checkout, "E-2") == id


@pytest.mark.parametrize("external_id", ["E-2", None])
async def test_the_old_id_is_free(external_id: str | None) -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "E-1")
    await set_external_id(checkout, id, external_id)
    assert await begun(checkout, "E-1") != id


async def test_of_two_changes_in_one_update_the_last_counts() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "E-1")
    await set_external_id(checkout, id, "E-2", "E-3")
    assert await begun(checkout, "E-3") == id
    assert await begun(checkout, "E-2") != id


async def test_an_id_that_is_changed_and_changed_back_is_kept() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "E-1")
    await set_external_id(checkout, id, "E-2", "E-1")
    assert await begun(checkout, "E-1") == id
    assert await begun(checkout, "E-2") != id


async def test_an_id_that_another_open_basket_holds_is_refused_with_all_other_actions() -> None:
    checkout = InMemoryCheckout()
    await begun(checkout, "E-1")
    id = await begun(checkout, "E-2")
    before = await checkout.history(id)
    with pytest.raises(ExternalIdInUse):
        await checkout.handlers.update(update(id, add("o-2"), update_details(external_id="E-1")), caller())
    assert await checkout.history(id) == before
    assert await begun(checkout, "E-2") == id


async def test_an_id_of_another_organisation_is_free() -> None:
    checkout = InMemoryCheckout()
    await begun(checkout, "E-1", "globex")
    id = await begun(checkout, "E-2")
    await set_external_id(checkout, id, "E-1")
    assert await begun(checkout, "E-1") == id


async def test_an_id_of_a_basket_that_expired_without_an_event_is_free() -> None:
    checkout = InMemoryCheckout()
    expired = await begun(checkout, "E-1")
    checkout.clock.advance(LIFETIME)
    id = await begun(checkout, "E-2")
    await set_external_id(checkout, id, "E-1")
    assert await begun(checkout, "E-1") == id
    assert (await checkout.handlers.get(expired, "acme")).status == "expired"


async def test_an_id_that_somebody_took_just_now_is_refused() -> None:
    checkout = InMemoryCheckout(make_store=InterruptedStore)
    id = await begun(checkout, "E-1")
    assert isinstance(checkout.store, InterruptedStore)
    checkout.store.before_append = lambda: begun(checkout, "E-2")
    with pytest.raises(ExternalIdInUse):
        await set_external_id(checkout, id, "E-2")
    assert await begun(checkout, "E-1") == id


async def test_of_two_baskets_that_want_an_id_at_once_one_gets_it() -> None:
    checkout = InMemoryCheckout()
    ids = [await begun(checkout, f"E-{number}") for number in range(8)]
    wishes = [set_external_id(checkout, id, "E-9") for id in ids]
    outcomes = await asyncio.gather(*wishes, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ExternalIdInUse"] * 7 + ["NoneType"]
    assert await begun(checkout, "E-9") == ids[[type(outcome) for outcome in outcomes].index(type(None))]
