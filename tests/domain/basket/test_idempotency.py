"""Idempotency keys: a request with one is carried out once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.basket.commands import InitiateBasket, Initiated, Updated
from domain.basket.handlers import CheckoutHandlers
from domain.basket.idempotency import IdempotencyContext, IdempotencyStore, ReplayableResponse
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import (
    AnsweredElsewhere,
    InvalidCommand,
    KeyReused,
    RequestInProgress,
)
from tests.builders import (
    InMemoryCheckout,
    add,
    caller,
    change,
    initiate,
    item,
    quantities,
    update,
)

KEY = IdempotencyKey("acme/initiate", "key-1", b"digest-1")


def told(text: str) -> RenderedResponse:
    return RenderedResponse(200, {"etag": '"1"'}, text.encode())


def initiating(
    handlers: CheckoutHandlers, key: IdempotencyKey = KEY, command: InitiateBasket | None = None
) -> Callable[[], Awaitable[RenderedResponse]]:
    def render(initiated: Initiated) -> RenderedResponse:
        return told(initiated.basket.id)

    async def run() -> RenderedResponse:
        return render(
            await handlers.initiate(command or initiate(item()), caller(), IdempotencyContext(key, render))
        )

    return run


async def test_a_key_is_carried_out_once_and_answered_alike() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    first = await answers.once(KEY, initiating(checkout.handlers))
    again = await answers.once(KEY, initiating(checkout.handlers))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.answer == again.answer
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_a_key_is_known_to_other_processes() -> None:
    checkout = InMemoryCheckout()
    first = await IdempotencyStore(checkout.store).once(KEY, initiating(checkout.handlers))
    again = await IdempotencyStore(checkout.store).once(KEY, initiating(checkout.process().handlers))
    assert again == ReplayableResponse(first.answer, replayed=True)


async def test_a_key_that_stands_for_another_request_is_refused() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    other = IdempotencyKey(KEY.scope, KEY.key, b"digest-2")
    with pytest.raises(KeyReused):
        await answers.once(other, initiating(checkout.handlers, other))


@pytest.mark.parametrize(
    "key",
    [
        IdempotencyKey("globex/initiate", "key-1", b"digest-1"),
        IdempotencyKey("acme/initiate", "key-2", b"digest-1"),
    ],
)
async def test_another_scope_or_key_is_another_request(key: IdempotencyKey) -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    assert not (await answers.once(key, initiating(checkout.handlers, key))).replayed


async def test_a_twin_in_the_same_process_is_told_that_the_first_still_runs() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    first, twin = await asyncio.gather(
        answers.once(KEY, initiating(checkout.handlers)),
        answers.once(KEY, initiating(checkout.handlers)),
        return_exceptions=True,
    )
    assert isinstance(first, ReplayableResponse)
    assert isinstance(twin, RequestInProgress)


async def test_a_twin_in_another_process_is_given_the_winners_answer() -> None:
    checkout = InMemoryCheckout()
    processes = [checkout.process() for _ in range(4)]
    given = await asyncio.gather(
        *(IdempotencyStore(checkout.store).once(KEY, initiating(process.handlers)) for process in processes)
    )
    assert len({each.answer.body for each in given}) == 1
    assert sorted(each.replayed for each in given) == [False, True, True, True]
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_a_twin_in_another_process_with_another_request_is_refused() -> None:
    checkout = InMemoryCheckout()
    other = IdempotencyKey(KEY.scope, KEY.key, b"digest-2")
    outcomes = await asyncio.gather(
        IdempotencyStore(checkout.store).once(KEY, initiating(checkout.process().handlers)),
        IdempotencyStore(checkout.store).once(other, initiating(checkout.process().handlers, other)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyReused", "ReplayableResponse"]


async def test_a_request_that_failed_may_come_again() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    with pytest.raises(InvalidCommand):
        await answers.once(KEY, initiating(checkout.handlers, command=initiate(item("o-1", 0))))
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_a_refusal_that_was_settled_is_replayed() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    refusal = RenderedResponse(422, {}, b"refused")

    async def refuse() -> RenderedResponse:
        await answers.settle(KEY, refusal)
        return refusal

    assert await answers.once(KEY, refuse) == ReplayableResponse(refusal, replayed=False)
    assert await answers.once(KEY, initiating(checkout.handlers)) == ReplayableResponse(
        refusal, replayed=True
    )
    with pytest.raises(AnsweredElsewhere):
        await answers.settle(KEY, refusal)


async def test_an_answer_that_shows_a_basket_is_stored_as_the_baskets_while_it_is_as_shown() -> None:
    checkout = InMemoryCheckout()
    answers, shown = IdempotencyStore(checkout.store), RenderedResponse(409, {}, b"shows it")
    basket = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket
    await checkout.handlers.update(update(basket.id, add("o-2")), caller())
    with pytest.raises(RequestInProgress):
        await answers.save_versioned_response(KEY, shown, basket)
    assert await checkout.store.find_response(KEY.scope, KEY.key) is None
    now = await checkout.handlers.get(basket.id, "acme")
    await answers.save_versioned_response(KEY, shown, now)
    assert await answers.once(KEY, initiating(checkout.handlers)) == ReplayableResponse(shown, replayed=True)
    with pytest.raises(AnsweredElsewhere):
        await answers.save_versioned_response(KEY, shown, now)


async def test_an_answer_is_found_under_the_spelling_that_a_key_had_formerly() -> None:
    checkout = InMemoryCheckout()
    answers, before = IdempotencyStore(checkout.store), IdempotencyKey(KEY.scope, '"key-1"', KEY.fingerprint)
    await answers.settle(before, told("yesterday"))
    spelt = IdempotencyKey(KEY.scope, KEY.key, KEY.fingerprint, former_key=before.key)
    assert await answers.once(spelt, initiating(checkout.handlers, spelt)) == ReplayableResponse(
        told("yesterday"), True
    )
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_an_answer_is_kept_for_its_time_and_no_longer() -> None:
    checkout = InMemoryCheckout()
    answers = IdempotencyStore(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    checkout.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert (await answers.once(KEY, initiating(checkout.handlers))).replayed
    checkout.clock.advance(timedelta(seconds=1))
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_an_answer_without_events_is_kept_and_rests_on_the_stores_version() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    await checkout.process().handlers.update(update(id, change(line.id, 5)), caller())

    def render(updated: Updated) -> RenderedResponse:
        return told(f"{updated.results[0].before} at {updated.basket.version}")

    async def unchanged() -> RenderedResponse:
        command = update(id, change(line.id, 1))
        return render(await checkout.handlers.update(command, caller(), IdempotencyContext(KEY, render)))

    answers = IdempotencyStore(checkout.store)
    first = await answers.once(KEY, unchanged)
    assert first.answer.body == b"5 at 4"
    again = update(id, change(line.id, 1))
    await checkout.handlers.update(
        again, caller(), IdempotencyContext(IdempotencyKey("acme/update", "k", b""), render)
    )
    stored = await checkout.store.find_response("acme/update", "k")
    assert stored is not None
    assert stored.response.body == b"1 at 4"


async def test_an_answer_shows_the_basket_as_it_was_then() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(), caller())).basket.id

    def render(updated: Updated) -> RenderedResponse:
        return told(str(quantities(updated.basket)))

    async def raise_by_one() -> RenderedResponse:
        return render(
            await checkout.handlers.update(update(id, add()), caller(), IdempotencyContext(KEY, render))
        )

    answers = IdempotencyStore(checkout.store)
    await answers.once(KEY, raise_by_one)
    await checkout.handlers.update(update(id, add()), caller())
    assert (await answers.once(KEY, raise_by_one)).answer.body == b"{'o-1@v-1': 1}"
