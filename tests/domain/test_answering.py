"""Idempotency keys: a request with one is carried out once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.basket.answering import Answers, Given, Remember
from domain.basket.commands import InitiateBasket, Initiated, Updated
from domain.basket.handlers import CheckoutHandlers
from domain.errors import AnsweredElsewhere, InvalidCommand, KeyReused, RequestInProgress
from domain.ports import Answer, AnswerKey
from tests.builders import Checkout, add, caller, change, initiate, item, quantities, update

KEY = AnswerKey("acme/initiate", "key-1", b"digest-1")


def told(text: str) -> Answer:
    return Answer(200, {"etag": '"1"'}, text.encode())


def initiating(
    handlers: CheckoutHandlers, key: AnswerKey = KEY, command: InitiateBasket | None = None
) -> Callable[[], Awaitable[Answer]]:
    def render(initiated: Initiated) -> Answer:
        return told(initiated.basket.id)

    async def run() -> Answer:
        return render(await handlers.initiate(command or initiate(item()), caller(), Remember(key, render)))

    return run


async def test_a_key_is_carried_out_once_and_answered_alike() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    first = await answers.once(KEY, initiating(checkout.handlers))
    again = await answers.once(KEY, initiating(checkout.handlers))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.answer == again.answer
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_a_key_is_known_to_other_processes() -> None:
    checkout = Checkout()
    first = await Answers(checkout.store).once(KEY, initiating(checkout.handlers))
    again = await Answers(checkout.store).once(KEY, initiating(checkout.process().handlers))
    assert again == Given(first.answer, replayed=True)


async def test_a_key_that_stands_for_another_request_is_refused() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    other = AnswerKey(KEY.scope, KEY.key, b"digest-2")
    with pytest.raises(KeyReused):
        await answers.once(other, initiating(checkout.handlers, other))


@pytest.mark.parametrize(
    "key",
    [AnswerKey("globex/initiate", "key-1", b"digest-1"), AnswerKey("acme/initiate", "key-2", b"digest-1")],
)
async def test_another_scope_or_key_is_another_request(key: AnswerKey) -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    assert not (await answers.once(key, initiating(checkout.handlers, key))).replayed


async def test_a_twin_in_the_same_process_is_told_that_the_first_still_runs() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    first, twin = await asyncio.gather(
        answers.once(KEY, initiating(checkout.handlers)),
        answers.once(KEY, initiating(checkout.handlers)),
        return_exceptions=True,
    )
    assert isinstance(first, Given)
    assert isinstance(twin, RequestInProgress)


async def test_a_twin_in_another_process_is_given_the_winners_answer() -> None:
    checkout = Checkout()
    processes = [checkout.process() for _ in range(4)]
    given = await asyncio.gather(
        *(Answers(checkout.store).once(KEY, initiating(process.handlers)) for process in processes)
    )
    assert len({each.answer.body for each in given}) == 1
    assert sorted(each.replayed for each in given) == [False, True, True, True]
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


async def test_a_twin_in_another_process_with_another_request_is_refused() -> None:
    checkout = Checkout()
    other = AnswerKey(KEY.scope, KEY.key, b"digest-2")
    outcomes = await asyncio.gather(
        Answers(checkout.store).once(KEY, initiating(checkout.process().handlers)),
        Answers(checkout.store).once(other, initiating(checkout.process().handlers, other)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Given", "KeyReused"]


async def test_a_request_that_failed_may_come_again() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    with pytest.raises(InvalidCommand):
        await answers.once(KEY, initiating(checkout.handlers, command=initiate(item("o-1", 0))))
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_a_refusal_that_was_settled_is_replayed() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    refusal = Answer(422, {}, b"refused")

    async def refuse() -> Answer:
        await answers.settle(KEY, refusal)
        return refusal

    assert await answers.once(KEY, refuse) == Given(refusal, replayed=False)
    assert await answers.once(KEY, initiating(checkout.handlers)) == Given(refusal, replayed=True)
    with pytest.raises(AnsweredElsewhere):
        await answers.settle(KEY, refusal)


async def test_an_answer_that_shows_a_basket_is_stored_as_the_baskets_while_it_is_as_shown() -> None:
    checkout = Checkout()
    answers, shown = Answers(checkout.store), Answer(409, {}, b"shows it")
    basket = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket
    await checkout.handlers.update(update(basket.id, add("o-2")), caller())
    with pytest.raises(RequestInProgress):
        await answers.settle_at(KEY, shown, basket)
    assert await checkout.store.find_answer(KEY.scope, KEY.key) is None
    now = await checkout.handlers.get(basket.id, "acme")
    await answers.settle_at(KEY, shown, now)
    assert await answers.once(KEY, initiating(checkout.handlers)) == Given(shown, replayed=True)
    with pytest.raises(AnsweredElsewhere):
        await answers.settle_at(KEY, shown, now)


async def test_an_answer_is_found_under_the_spelling_that_a_key_had_formerly() -> None:
    checkout = Checkout()
    answers, before = Answers(checkout.store), AnswerKey(KEY.scope, '"key-1"', KEY.fingerprint)
    await answers.settle(before, told("yesterday"))
    spelt = AnswerKey(KEY.scope, KEY.key, KEY.fingerprint, formerly=before.key)
    assert await answers.once(spelt, initiating(checkout.handlers, spelt)) == Given(told("yesterday"), True)
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_an_answer_is_kept_for_its_time_and_no_longer() -> None:
    checkout = Checkout()
    answers = Answers(checkout.store)
    await answers.once(KEY, initiating(checkout.handlers))
    checkout.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert (await answers.once(KEY, initiating(checkout.handlers))).replayed
    checkout.clock.advance(timedelta(seconds=1))
    assert not (await answers.once(KEY, initiating(checkout.handlers))).replayed


async def test_an_answer_without_events_is_kept_and_rests_on_the_stores_version() -> None:
    checkout = Checkout()
    id = (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    await checkout.process().handlers.update(update(id, change(line.id, 5)), caller())

    def render(updated: Updated) -> Answer:
        return told(f"{updated.results[0].before} at {updated.basket.version}")

    async def unchanged() -> Answer:
        command = update(id, change(line.id, 1))
        return render(await checkout.handlers.update(command, caller(), Remember(KEY, render)))

    answers = Answers(checkout.store)
    first = await answers.once(KEY, unchanged)
    assert first.answer.body == b"5 at 4"
    again = update(id, change(line.id, 1))
    await checkout.handlers.update(again, caller(), Remember(AnswerKey("acme/update", "k", b""), render))
    stored = await checkout.store.find_answer("acme/update", "k")
    assert stored is not None
    assert stored.answer.body == b"1 at 4"


async def test_an_answer_shows_the_basket_as_it_was_then() -> None:
    checkout = Checkout()
    id = (await checkout.handlers.initiate(initiate(), caller())).basket.id

    def render(updated: Updated) -> Answer:
        return told(str(quantities(updated.basket)))

    async def raise_by_one() -> Answer:
        return render(await checkout.handlers.update(update(id, add()), caller(), Remember(KEY, render)))

    answers = Answers(checkout.store)
    await answers.once(KEY, raise_by_one)
    await checkout.handlers.update(update(id, add()), caller())
    assert (await answers.once(KEY, raise_by_one)).answer.body == b"{'o-1@v-1': 1}"
