"""Idempotency keys: a request with a key has one response."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.basket.commands import InitiateBasket, Initiated, Updated
from domain.basket.idempotency import REPLAYED, IdempotencyStore
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import AnsweredElsewhere, BasketNotFound, CommandRejected, KeyReused, RequestInProgress
from tests.builders import InMemoryCheckout, add, basket_id, caller, change, initiate, item, quantities, update
from tests.builders.direct_handlers import DirectHandlers

KEY = IdempotencyKey("acme/initiate", "key-1", b"digest-1")


def response(text: str) -> RenderedResponse:
    return RenderedResponse(200, {"etag": '"1"'}, text.encode())


def render_initiated(outcome: Initiated | CommandRejected) -> RenderedResponse:
    if isinstance(outcome, CommandRejected):
        return RenderedResponse(422, {}, str(outcome).encode())
    return response(outcome.basket.id)


async def initiated(
    handlers: DirectHandlers, key: IdempotencyKey = KEY, command: InitiateBasket | None = None
) -> RenderedResponse:
    return await handlers.real.initiate(command or initiate(item()), caller(), render_initiated, key)


def is_replay(rendered: RenderedResponse) -> bool:
    return REPLAYED.items() <= rendered.headers.items()


async def test_a_command_with_a_key_runs_once_and_its_response_is_replayed() -> None:
    checkout = InMemoryCheckout()
    first = await initiated(checkout.handlers)
    again = await initiated(checkout.handlers)
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert (first.status, first.body) == (again.status, again.body)
    assert again.headers == {**first.headers, **REPLAYED}
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_other_processes_replay_the_response_too() -> None:
    checkout = InMemoryCheckout()
    first = await initiated(checkout.handlers)
    again = await initiated(checkout.process().handlers)
    assert again == RenderedResponse(200, {**first.headers, **REPLAYED}, first.body)


async def test_a_key_of_another_request_is_refused() -> None:
    checkout = InMemoryCheckout()
    await initiated(checkout.handlers)
    with pytest.raises(KeyReused):
        await initiated(checkout.handlers, IdempotencyKey(KEY.scope, KEY.key, b"digest-2"))


@pytest.mark.parametrize(
    "key",
    [
        IdempotencyKey("globex/initiate", "key-1", b"digest-1"),
        IdempotencyKey("acme/initiate", "key-2", b"digest-1"),
    ],
)
async def test_another_scope_or_key_is_another_request(key: IdempotencyKey) -> None:
    checkout = InMemoryCheckout()
    await initiated(checkout.handlers)
    assert not is_replay(await initiated(checkout.handlers, key))


async def test_a_twin_in_the_same_process_is_told_that_the_first_still_runs() -> None:
    checkout = InMemoryCheckout()
    first, twin = await asyncio.gather(
        initiated(checkout.handlers), initiated(checkout.handlers), return_exceptions=True
    )
    assert isinstance(first, RenderedResponse)
    assert isinstance(twin, RequestInProgress)


async def test_a_twin_in_another_process_gets_the_winners_response() -> None:
    checkout = InMemoryCheckout()
    processes = [checkout.process() for _ in range(4)]
    responses = await asyncio.gather(*(initiated(process.handlers) for process in processes))
    assert len({each.body for each in responses}) == 1
    assert sorted(is_replay(each) for each in responses) == [False, True, True, True]
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_a_twin_in_another_process_with_another_request_is_refused() -> None:
    checkout = InMemoryCheckout()
    other = IdempotencyKey(KEY.scope, KEY.key, b"digest-2")
    outcomes = await asyncio.gather(
        initiated(checkout.process().handlers),
        initiated(checkout.process().handlers, other),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyReused", "RenderedResponse"]


async def test_a_request_about_a_missing_basket_may_come_again() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(BasketNotFound):
        await initiated(checkout.handlers, command=initiate(item(), checkout_id=basket_id(99)))
    assert not is_replay(await initiated(checkout.handlers))


async def test_a_rejection_is_stored_and_replayed() -> None:
    checkout = InMemoryCheckout()
    rejected = await initiated(checkout.handlers, command=initiate(item("o-1", 0)))
    assert (rejected.status, is_replay(rejected)) == (422, False)
    again = await initiated(checkout.handlers)
    assert again == RenderedResponse(422, REPLAYED, rejected.body)
    with pytest.raises(AnsweredElsewhere):
        await IdempotencyStore(checkout.store).save_response(KEY, rejected)


async def test_a_response_that_shows_a_basket_is_stored_as_the_baskets_at_the_version_shown() -> None:
    checkout = InMemoryCheckout()
    responses, shown = IdempotencyStore(checkout.store), RenderedResponse(409, {}, b"shows it")
    basket = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket
    await checkout.handlers.update(update(basket.id, add("o-2")), caller())
    with pytest.raises(RequestInProgress):
        await responses.save_response(KEY, shown, basket)
    assert await checkout.store.find_response(KEY.scope, KEY.key) is None
    now = await checkout.handlers.get(basket.id, "acme")
    await responses.save_response(KEY, shown, now)
    assert await initiated(checkout.handlers) == RenderedResponse(409, REPLAYED, b"shows it")
    with pytest.raises(AnsweredElsewhere):
        await responses.save_response(KEY, shown, now)


async def test_a_response_is_found_under_the_former_spelling_of_its_key() -> None:
    checkout = InMemoryCheckout()
    before = IdempotencyKey(KEY.scope, '"key-1"', KEY.fingerprint)
    await IdempotencyStore(checkout.store).save_response(before, response("yesterday"))
    spelt = IdempotencyKey(KEY.scope, KEY.key, KEY.fingerprint, former_key=before.key)
    found = await initiated(checkout.handlers, spelt)
    assert (found.body, is_replay(found)) == (b"yesterday", True)
    assert not is_replay(await initiated(checkout.handlers))


async def test_a_response_is_kept_for_its_time_and_no_longer() -> None:
    checkout = InMemoryCheckout()
    await initiated(checkout.handlers)
    checkout.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert is_replay(await initiated(checkout.handlers))
    checkout.clock.advance(timedelta(seconds=1))
    assert not is_replay(await initiated(checkout.handlers))


async def test_a_response_without_events_is_kept_and_rests_on_the_stores_version() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    await checkout.process().handlers.update(update(id, change(line.id, 5)), caller())

    def render(outcome: Updated | CommandRejected) -> RenderedResponse:
        assert isinstance(outcome, Updated)
        return response(f"{outcome.results[0].before} at {outcome.basket.version}")

    unchanged = update(id, change(line.id, 1))
    first = await checkout.handlers.real.update(unchanged, caller(), render, KEY)
    assert first.body == b"5 at 4"
    key = IdempotencyKey("acme/update", "k", b"")
    await checkout.handlers.real.update(unchanged, caller(), render, key)
    stored = await checkout.store.find_response("acme/update", "k")
    assert stored is not None
    assert stored.response.body == b"1 at 4"


async def test_a_response_shows_the_basket_as_it_was_then() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(), caller())).basket.id

    def render(outcome: Updated | CommandRejected) -> RenderedResponse:
        assert isinstance(outcome, Updated)
        return response(str(quantities(outcome.basket)))

    async def add_one() -> RenderedResponse:
        return await checkout.handlers.real.update(update(id, add()), caller(), render, KEY)

    await add_one()
    await checkout.handlers.update(update(id, add()), caller())
    assert (await add_one()).body == b"{'o-1@v-1': 1}"
