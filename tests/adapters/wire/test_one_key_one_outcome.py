"""One idempotency key has one outcome, in whatever order its tries and other writers come to the store, and
whatever becomes of their calls."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.wire.problems import to_problem
from adapters.wire.responses import render
from domain.basket.commands import Caller, IfMatch, IfNoneMatch, Preconditions, UpdateBasket, ValidateBasket
from domain.basket.decision import CheckoutConfig
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import AnsweredElsewhere, CommandRejected, RequestInProgress, Unavailable
from tests.builders import InMemoryCheckout, add, at_version, caller, change, initiate, item, item_id, remove, update
from tests.builders.direct_handlers import DirectHandlers
from tests.interleaving import InterleavedStore, Interleaving, run_in_virtual_time

KEY = IdempotencyKey("acme/call", "key-1", b"digest")
UNDECIDED = (RequestInProgress, AnsweredElsewhere, Unavailable)
ONLY_NEW = IfNoneMatch(None)

Ask = Callable[[DirectHandlers, Caller], Awaitable[RenderedResponse]]
"""A request with the key, as a process runs it."""


class World:
    """A checkout with an open basket at version 3, which has the external id E-1, and another basket."""

    def __init__(self, choose: Callable[[str, Any], Any]) -> None:
        self.checkout = InMemoryCheckout(make_store=InterleavedStore, policy=CheckoutConfig(attempts=2))
        self.interleaving = Interleaving(choose)

    @property
    def store(self) -> InterleavedStore:
        assert isinstance(self.checkout.store, InterleavedStore)
        return self.checkout.store

    async def begin(self) -> None:
        handlers = self.checkout.handlers
        began = await handlers.initiate(initiate(item("o-1"), external_id="E-1"), caller())
        self.basket = began.basket.id
        (self.line,) = began.basket.items
        await handlers.update(update(self.basket, change(self.line, 2)), caller())
        self.beside = (await handlers.initiate(initiate(), caller())).basket.id

    def effects(self) -> int:
        """How many tries made events, not counting expiries."""
        made = {
            json.loads(event.metadata)["causationId"]
            for stream in self.store._streams.values()
            for event in stream
            if event.type != "checkout.basket-expired.v1"
        }
        return len({id for id in made if id.startswith("try-")})


def updating(*actions: Any, **preconditions: Any) -> Callable[[World], Ask]:
    def request(world: World) -> Ask:
        named = tuple(action(world) if callable(action) else action for action in actions)
        command = UpdateBasket(world.basket, named, Preconditions(**preconditions))
        return lambda handlers, who: handlers.real.update(command, who, render, KEY)

    return request


def validating(**preconditions: Any) -> Callable[[World], Ask]:
    def request(world: World) -> Ask:
        command = ValidateBasket(world.basket, Preconditions(**preconditions))
        return lambda handlers, who: handlers.real.validate(command, who, render, KEY)

    return request


def initiating(*offers: str, named: bool = False, **values: Any) -> Callable[[World], Ask]:
    def request(world: World) -> Ask:
        more = {"checkout_id": world.beside} if named else {}
        command = initiate(*map(item, offers), **values, **more)
        return lambda handlers, who: handlers.real.initiate(command, who, render, KEY)

    return request


REQUESTS: dict[str, Callable[[World], Ask]] = {
    "an update at the version that is": updating(add("o-2"), if_match=at_version(3)),
    "an update at any version": updating(add("o-2"), if_match=IfMatch(None)),
    "an update at two versions": updating(add("o-2"), if_match=at_version(3, 4)),
    "an update at a version to come": updating(add("o-2"), if_match=at_version(4)),
    "an update at no version of these": updating(add("o-2"), if_none_match=IfNoneMatch(frozenset({3}))),
    "an update": updating(add("o-2")),
    "an update that changes nothing": updating(lambda world: change(world.line, 2)),
    "an update that may change nothing": updating(lambda world: change(world.line, 7)),
    "an update that is wrong": updating(remove(item_id(999))),
    "an update that may be wrong": updating(lambda world: remove(world.line)),
    "a validation": validating(),
    "a validation at the version that is": validating(if_match=at_version(3)),
    "an initiate": initiating("o-1"),
    "an initiate with a new external id": initiating("o-1", external_id="E-2"),
    "an initiate that only creates": initiating("o-1", external_id="E-2", if_none_match=ONLY_NEW),
    "an initiate of the basket that is there": initiating("o-3", external_id="E-1"),
    "an initiate at the version that is": initiating("o-3", external_id="E-1", if_match=at_version(3)),
    "an initiate that may not create": initiating("o-3", external_id="E-1", if_none_match=ONLY_NEW),
    "an initiate that must find one": initiating("o-3", external_id="E-2", if_match=at_version(2)),
    "an initiate with an external id that is taken": initiating("o-3", external_id="E-1", named=True),
}


async def change_twice(world: World, handlers: DirectHandlers) -> None:
    for quantity in (8, 9):
        await handlers.update(update(world.basket, change(world.line, quantity)), caller())


Meddle = Callable[[World, DirectHandlers], Awaitable[object]]
OTHERS: dict[str, Meddle] = {
    "changes a quantity": lambda world, handlers: handlers.update(
        update(world.basket, change(world.line, 7)), caller()
    ),
    "removes the line": lambda world, handlers: handlers.update(update(world.basket, remove(world.line)), caller()),
    "completes the basket": lambda world, handlers: handlers.complete(world.basket, "order-1", caller()),
    "takes the other external id": lambda world, handlers: handlers.initiate(
        initiate(item("o-9"), external_id="E-2"), caller()
    ),
    "changes and changes": change_twice,
}


async def meddle(other: Meddle, world: World, handlers: DirectHandlers) -> None:
    with suppress(CommandRejected, Unavailable):
        await other(world, handlers)


async def told(ask: Ask, handlers: DirectHandlers, number: int) -> RenderedResponse | Exception:
    try:
        answer = await ask(handlers, caller(causation_id=f"try-{number}"))
    except UNDECIDED as undecided:
        return undecided
    except CommandRejected as refusal:
        answer = to_problem(refusal).response()
    headers = {name: value for name, value in answer.headers.items() if name != "Idempotent-Replayed"}
    return RenderedResponse(answer.status, headers, answer.body)


async def play(choose: Callable[[str, Any], Any], name: str, reached: Counter[str]) -> None:
    world = World(choose)
    await world.begin()
    ask = REQUESTS[name](world)
    processes = [world.checkout.process() for _ in range(3)]
    world.store.interleaving = world.interleaving
    places = [choose("where a try goes", range(2)) for _ in range(choose("how many tries", (2, 3)))]
    others = [choose("what another writer does", [*OTHERS.values()]) for _ in range(choose("others", (0, 1, 2)))]
    tries = [asyncio.create_task(told(ask, processes[place].handlers, number)) for number, place in enumerate(places)]
    meddling = [asyncio.create_task(meddle(other, world, processes[2].handlers)) for other in others]
    await world.interleaving.run([*tries, *meddling])
    world.store.interleaving = None
    outcomes = [task.result() for task in tries]
    # A caller without a response tries again, before and after the late calls have arrived.
    outcomes.append(await told(ask, processes[0].handlers, 90))
    await world.interleaving.deliver_late()
    outcomes.append(await told(ask, processes[1].handlers, 91))
    answers = [outcome for outcome in outcomes if isinstance(outcome, RenderedResponse)]
    assert len(answers) >= 2
    assert all(answer == answers[0] for answer in answers), answers
    made_events = name not in ("an update that changes nothing", "an update that may change nothing")
    if answers[0].status != 200:
        assert world.effects() == 0
    elif made_events and "of the basket" not in name:
        assert world.effects() == 1
    else:
        assert world.effects() <= 1
    reached[f"{name}: {answers[0].status}"] += 1


@pytest.mark.parametrize("name", REQUESTS)
def test_one_key_has_one_outcome_in_every_order(name: str) -> None:
    reached: Counter[str] = Counter()

    # No shrinking: it takes minutes, and the labels of the choices show the order.
    @settings(
        max_examples=60,
        suppress_health_check=[*HealthCheck],
        database=None,
        phases=[Phase.generate],
    )
    @given(st.data())
    def in_some_order(data: st.DataObject) -> None:
        def choose(what: str, among: Any) -> Any:
            return data.draw(st.sampled_from(list(among)), label=what)

        run_in_virtual_time(play(choose, name, reached))

    in_some_order()
    assert reached.total() >= 60
