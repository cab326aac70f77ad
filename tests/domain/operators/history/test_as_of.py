"""A basket's history, and the basket at any moment of it."""

from __future__ import annotations

import pytest
from pydantic_core import from_json

from domain.operators.history.as_of import BasketHistory, HistoryUnreadable
from domain.operators.history.basket_json import basket_json, basket_state_json
from domain.ports.event_store import Append, NewEvent
from domain.shared.errors import BasketNotFound
from domain.validation.revalidate_as_of import NotFoundAsOf
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    InMemoryCheckout,
    add,
    availability,
    basket_id,
    caller,
    change,
    initiate,
    item,
    offer,
    price,
    update,
    validate,
)


@pytest.fixture
async def checkout() -> InMemoryCheckout:
    checkout = InMemoryCheckout()
    await checkout.record(offer("o-1"), price("o-1"), availability("SKU-1", status="blocked"))
    return checkout


async def lived(checkout: InMemoryCheckout) -> str:
    """Four events, a second apart: initiated, a line, its quantity, a verdict."""
    id = (await checkout.handlers.initiate(initiate(item("o-1", 2)), caller())).basket.id
    line = next(iter((await checkout.handlers.get(id, "acme")).items))
    checkout.clock.advance(SECOND)
    await checkout.handlers.update(update(id, change(line, 3)), caller(actor="ada", correlation_id="c-2"))
    checkout.clock.advance(SECOND)
    await checkout.handlers.validate(validate(id), caller())
    return id


async def store_as(checkout: InMemoryCheckout, id: str, data: bytes, metadata: bytes = b"{}") -> None:
    version = len(await checkout.store.read_events(id))
    await checkout.store.append(Append(id, version, [NewEvent("odd", data, metadata)]))


async def test_an_entry_has_the_actor_and_the_correlation_of_its_event(
    checkout: InMemoryCheckout,
) -> None:
    id = await lived(checkout)

    entries = await BasketHistory(checkout.store).entries(id)

    assert [(entry.version, entry.words) for entry in entries[1:]] == [
        (2, "2 × o-1 v-1 added at 10.00 GBP"),
        (3, "quantity of o-1 v-1 from 2 to 3"),
        (4, "judged not ready: product_blocked (SKU-1)"),
    ]
    third = entries[2]
    stored = (await checkout.store.read_events(id))[2]
    assert (third.basket_id, third.type) == (id, "checkout.order-item-quantity-changed.v1")
    assert (third.actor, third.correlation_id, third.causation_id) == ("ada", "c-2", "causation-1")
    assert third.traceparent == caller().traceparent
    assert (third.occurred_at, third.recorded_at) == (NOW + SECOND, stored.recorded_at)
    assert (third.position, third.data) == (stored.position, from_json(stored.data))


async def test_entries_after_a_version_have_the_same_descriptions(checkout: InMemoryCheckout) -> None:
    id = await lived(checkout)
    histories = BasketHistory(checkout.store)

    assert await histories.entries(id, 2) == (await histories.entries(id))[2:]
    assert await histories.entries(id, 4) == []


async def test_an_unknown_basket_has_no_history(checkout: InMemoryCheckout) -> None:
    histories = BasketHistory(checkout.store)
    for ask in (
        histories.entries(basket_id(9)),
        histories.last(basket_id(9)),
        histories.now(basket_id(9), NOW),
        histories.at_version(basket_id(9), 1),
        histories.as_of(basket_id(9), NOW),
    ):
        with pytest.raises(BasketNotFound):
            await ask


@pytest.mark.parametrize("odd", [b'{"odd":1}', b"\xff", b"[]"])
async def test_an_unreadable_event_is_an_entry_and_so_are_the_events_after_it(
    checkout: InMemoryCheckout, odd: bytes
) -> None:
    id = await lived(checkout)
    await store_as(checkout, id, odd, b"\xff")
    following = (await checkout.store.read_events(id))[2].data.replace(b'"version":3', b'"version":6')
    await store_as(checkout, id, following)
    histories = BasketHistory(checkout.store)

    entries = await histories.entries(id)

    assert entries[4].words.startswith(f"version 5 of {id} cannot be read: ")
    assert (entries[4].actor, entries[4].occurred_at) == (None, None)
    assert entries[5].words.startswith("quantity of line ")
    assert (await histories.at_version(id, 4)).basket.version == 4
    with pytest.raises(HistoryUnreadable, match=f"version 5 of {id}"):
        await histories.at_version(id, 5)


async def test_an_event_that_does_not_fit_is_described_as_such(checkout: InMemoryCheckout) -> None:
    id = await lived(checkout)
    again = (await checkout.store.read_events(id))[0].data.replace(b'"version":1', b'"version":5')
    await store_as(checkout, id, again)
    histories = BasketHistory(checkout.store)

    assert (await histories.entries(id))[4].words.endswith("(it does not fit the events before it)")
    with pytest.raises(HistoryUnreadable, match=f"version 5 of {id}"):
        await histories.last(id)


async def test_a_version_that_does_not_exist_names_the_last_one(checkout: InMemoryCheckout) -> None:
    id = await lived(checkout)
    with pytest.raises(NotFoundAsOf, match="at version 5; its last is 4"):
        await BasketHistory(checkout.store).at_version(id, 5)


async def test_a_basket_as_of_a_moment_ignores_later_events(checkout: InMemoryCheckout) -> None:
    id = await lived(checkout)
    histories = BasketHistory(checkout.store)

    versions = [
        (await histories.as_of(id, moment)).basket.version
        for moment in (NOW, NOW + SECOND - SECOND / 2, NOW + SECOND, NOW + 9 * SECOND)
    ]

    assert versions == [2, 2, 3, 4]
    with pytest.raises(NotFoundAsOf):
        await histories.as_of(id, NOW - SECOND)


async def test_a_basket_past_its_expiry_is_seen_as_expired_before_the_event_says_so(
    checkout: InMemoryCheckout,
) -> None:
    id = await lived(checkout)
    histories, over = BasketHistory(checkout.store), NOW + LIFETIME

    assert [
        (await histories.as_of(id, over - SECOND)).basket.status,
        (await histories.as_of(id, over)).basket.status,
        (await histories.now(id, over)).basket.status,
        (await histories.last(id)).basket.status,
        (await histories.at_version(id, 4)).basket.status,
    ] == ["open", "expired", "expired", "open", "open"]


async def test_a_basket_state_has_the_last_verdict_recorded_by_then(checkout: InMemoryCheckout) -> None:
    id = await lived(checkout)
    await checkout.handlers.update(update(id, add("o-1")), caller())
    histories = BasketHistory(checkout.store)

    verdicts = [(await histories.at_version(id, version)).verdict for version in (3, 4, 5)]

    assert verdicts[0] is None
    assert verdicts[1] == verdicts[2]
    assert verdicts[2] is not None
    assert (verdicts[2].version, verdicts[2].validated_version) == (4, 3)


async def test_the_json_for_operators_contains_the_order_of_the_partner_api(
    checkout: InMemoryCheckout,
) -> None:
    id = await lived(checkout)
    await checkout.handlers.complete(id, "order-1", caller())
    standing = await BasketHistory(checkout.store).last(id)

    shown = basket_state_json(standing)

    assert (shown["partner"], shown["orderId"], shown["ready"]) == ("acme", "order-1", False)
    assert [found["code"] for found in shown["lastVerdict"]["blockedProducts"]] == ["product_blocked"]
    assert shown.items() >= basket_json(standing.basket).items()
