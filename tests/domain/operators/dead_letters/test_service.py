"""The rules of retries and skips, on letters in memory and handlers that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.operators.audit import Operator
from domain.operators.dead_letters.model import (
    UNREADABLE_BATCH,
    DeadLetterNotFound,
    DeadLetterQuery,
    MessageKind,
    ResolutionResult,
)
from domain.operators.dead_letters.retry_handler import RetryFailed, RetryHandler, RetryPlan
from domain.operators.dead_letters.service import DeadLetterService
from domain.operators.dead_letters.store import StoredDeadLetter
from domain.shared.errors import BrokerUnavailable
from tests.contracts.audit import NOON
from tests.contracts.dead_letter_store import ONE, OTHER, message
from tests.fakes.dead_letter_store import InMemoryDeadLetterStore

ADA = Operator(actor="ada", way="console", reason="the sender mended it")


class ScriptedHandler(RetryHandler):
    """Fails for the letters that it is told to, and records what it did."""

    def __init__(self, *topics: str, settles_all: bool = False) -> None:
        self.topics = topics
        self.settles_all = settles_all
        self.failing: dict[int, Exception] = {}
        self.stays: set[int] = set()
        self.comes_back: set[int] = set()
        self.done: list[int] = []
        self.by_name_only = False

    def kind(self, topic: str) -> MessageKind:
        return "order"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        return RetryPlan(f"does {letter.id}", f"leaves {letter.id} out", self.by_name_only)

    async def retry(self, letter: StoredDeadLetter) -> str:
        if letter.id in self.failing:
            raise self.failing[letter.id]
        self.done.append(letter.id)
        return "done"

    async def skip(self, letter: StoredDeadLetter) -> str:
        if letter.id in self.stays:
            raise RetryFailed("the basket needs it")
        return "left out"

    async def settled(self, letter: StoredDeadLetter) -> None:
        if letter.id in self.comes_back:
            raise RetryFailed("it came back")


class InMemoryOffice:
    """Letters of two baskets (or none) in the topics `t` and `u`, which have orders of their own."""

    def __init__(self, *letters: tuple[str, str | None], settles_all: bool = False) -> None:
        self.book = InMemoryDeadLetterStore(lambda: NOON)
        self.t, self.u = ScriptedHandler("t", settles_all=settles_all), ScriptedHandler("u")
        ids = count(1)
        self.box = DeadLetterService(self.book, [self.t, self.u], lambda: NOON, lambda: f"action-{next(ids)}")
        for id, (topic, about) in enumerate(letters, start=1):
            self.book.add(StoredDeadLetter(id, message(id, about, topic), about, NOON))

    async def waiting(self) -> list[int]:
        return [letter.id for letter in (await self.box.list(limit=1000)).letters]

    async def retry_all(self, **query: str) -> Sequence[ResolutionResult]:
        return [outcome async for outcome in self.box.retry_all(DeadLetterQuery(**query), ADA)]


async def test_a_retry_settles_its_letter_and_records_who_and_why() -> None:
    office = InMemoryOffice(("t", ONE))

    outcome = await office.box.retry(1, ADA)

    assert (outcome.result, outcome.words, office.t.done) == ("done", "done", [1])
    assert await office.waiting() == []
    (action,) = office.book.actions
    assert (action.type, action.operator) == ("operations.dead-letter-retried.v1", ADA)
    assert action.scope["letter"] == 1
    assert action.scope["basketId"] == ONE
    assert action.scope["result"] == "done"


async def test_a_letter_that_fails_again_stays_with_the_new_error_and_the_number_of_tries() -> None:
    office = InMemoryOffice(("t", ONE))
    for words in ("still odd", "odder"):
        office.t.failing[1] = RetryFailed(words)
        assert (await office.box.retry(1, ADA)).result == "failed"

    letter = (await office.box.show(1)).letter

    assert (letter.tries, letter.last_error, letter.settled_at) == (2, "odder", None)
    assert [action.scope["result"] for action in office.book.actions] == ["failed", "failed"]


async def test_an_unexpected_error_of_a_handler_fails_only_its_letter() -> None:
    office = InMemoryOffice(("t", ONE), ("t", OTHER))
    office.t.failing[1] = ZeroDivisionError("by nothing")

    outcomes = await office.retry_all()

    assert [(outcome.id, outcome.result) for outcome in outcomes] == [(1, "failed"), (2, "done")]
    assert outcomes[0].words == "ZeroDivisionError: by nothing"


async def test_an_outage_changes_nothing_and_counts_no_try() -> None:
    office = InMemoryOffice(("t", ONE))
    office.t.failing[1] = BrokerUnavailable("out for lunch")

    with pytest.raises(BrokerUnavailable):
        await office.box.retry(1, ADA)

    assert (await office.box.show(1)).letter.tries == 0
    assert office.book.actions == []
    office.t.failing.clear()
    assert (await office.box.retry(1, ADA)).result == "done"


async def test_a_later_letter_of_a_basket_waits_for_the_earlier_one() -> None:
    office = InMemoryOffice(("t", ONE), ("t", ONE), ("t", OTHER), ("u", ONE))

    refused = await office.box.retry(2, ADA)

    assert (refused.result, refused.waits_for, office.t.done) == ("waits", 1, [])
    assert (await office.box.show(2)).waits_for == 1
    assert office.book.actions == []
    assert (await office.box.retry(3, ADA)).result == "done", "another basket waits for nobody"
    assert (await office.box.retry(4, ADA)).result == "done", "what else is done about a basket has its own order"
    assert [(await office.box.retry(id, ADA)).result for id in (1, 2)] == ["done", "done"]


async def test_letters_about_no_basket_wait_for_no_other() -> None:
    office = InMemoryOffice(("t", None), ("t", None))
    assert (await office.box.retry(2, ADA)).result == "done"


async def test_a_skip_lets_the_letters_behind_it_go_on() -> None:
    office = InMemoryOffice(("t", ONE), ("t", ONE))
    office.t.failing[1] = RetryFailed("never")

    assert (await office.box.skip(1, ADA)).result == "done"

    assert (await office.box.retry(2, ADA)).result == "done"
    assert office.t.done == [2]
    letter = (await office.box.show(1)).letter
    assert (letter.settled_by, letter.tries) == ("skipped", 0)
    assert office.book.actions[0].type == "operations.dead-letter-skipped.v1"


async def test_a_refused_skip_leaves_the_letter_and_records_nothing() -> None:
    office = InMemoryOffice(("t", ONE))
    office.t.stays.add(1)

    outcome = await office.box.skip(1, ADA)

    assert (outcome.result, "the basket needs it" in outcome.words) == ("failed", True)
    assert await office.waiting() == [1]
    assert office.book.actions == []


async def test_a_handler_may_settle_all_letters_of_a_basket_at_once() -> None:
    office = InMemoryOffice(("t", ONE), ("t", OTHER), ("t", ONE), settles_all=True)

    outcomes = await office.retry_all()

    assert [(outcome.id, outcome.along) for outcome in outcomes] == [(1, (3,)), (2, ())]
    assert office.t.done == [1, 2]
    assert await office.waiting() == []
    assert office.book.actions[0].scope["settled"] == [1, 3]


async def test_a_letter_that_fails_after_it_was_settled_waits_again() -> None:
    office = InMemoryOffice(("t", ONE), ("t", ONE), settles_all=True)
    office.t.comes_back.add(1)

    outcome = await office.box.retry(1, ADA)

    assert (outcome.result, outcome.words) == ("failed", "it came back")
    assert await office.waiting() == [1, 2]
    assert (await office.box.show(1)).letter.last_error == "it came back"


async def test_a_settled_letter_is_not_retried() -> None:
    office = InMemoryOffice(("t", ONE))
    await office.box.retry(1, ADA)

    assert (await office.box.retry(1, ADA)).result == "settled"
    assert (await office.box.skip(1, ADA)).result == "settled"
    assert (office.t.done, len(office.book.actions)) == ([1], 1)


async def test_an_unknown_letter_is_not_found() -> None:
    office = InMemoryOffice()
    for work in (office.box.retry(7, ADA), office.box.skip(7, ADA), office.box.show(7)):
        with pytest.raises(DeadLetterNotFound):
            await work


async def test_a_letter_from_an_unknown_topic_can_only_be_skipped() -> None:
    office = InMemoryOffice(("v", ONE))
    assert (await office.box.show(1)).letter.kind == "unknown"
    assert (await office.box.retry(1, ADA)).result == "failed"
    assert (await office.box.skip(1, ADA)).result == "done"


async def test_a_retry_of_all_leaves_letters_that_must_be_named() -> None:
    office = InMemoryOffice(("t", ONE), ("u", OTHER))
    office.t.by_name_only = True

    assert [outcome.result for outcome in await office.retry_all()] == ["left", "done"]
    assert [outcome.result for outcome in await office.retry_all(code="unreadable")] == ["done"]


async def test_a_retry_of_all_leaves_letters_that_were_recorded_meanwhile() -> None:
    office = InMemoryOffice(("t", ONE))
    outcomes = []
    async for outcome in office.box.retry_all(DeadLetterQuery(), ADA):
        outcomes.append(outcome)
        office.book.add(StoredDeadLetter(len(outcomes) + 1, message(9), ONE, NOON))
    assert [outcome.id for outcome in outcomes] == [1]


async def test_pages_end_with_the_last_letter() -> None:
    office = InMemoryOffice(*[("t", None)] * 5)
    first = await office.box.list(limit=3)
    second = await office.box.list(first.next_cursor, limit=3)
    assert [letter.id for letter in (*first.letters, *second.letters)] == [1, 2, 3, 4, 5]
    assert second.next_cursor is None
    for cursor in ("-1", "²", "9" * 19, ""):
        with pytest.raises(ValueError, match="no cursor"):
            await office.box.list(cursor)


async def test_utf_8_is_shown_as_text_and_other_bytes_in_base_64() -> None:
    shown = await InMemoryOffice(("t", ONE)).box.show(1)
    assert shown.key is not None
    assert shown.value is not None
    assert (shown.key.encoding, shown.key.text) == ("utf-8", ONE)
    assert (shown.value.encoding, shown.value.text) == ("base64", "/w==")
    assert [(header.name, header.value.text) for header in shown.headers] == [("ce_id", "x")]
    assert (shown.retry, shown.skip) == ("does 1", "leaves 1 out")


baskets = st.sampled_from([ONE, OTHER, None])
letters = st.lists(st.tuples(st.sampled_from(["t", "u"]), baskets), min_size=1, max_size=8)
steps = st.lists(st.tuples(st.sampled_from(["retry", "skip", "all"]), st.integers(1, 8)), max_size=12)


@settings(max_examples=150)
@given(buried=letters, failing=st.sets(st.integers(1, 8)), steps=steps)
def test_no_retry_ever_settles_a_letter_before_an_earlier_one_of_its_order(
    buried: list[tuple[str, str | None]], failing: set[int], steps: list[tuple[str, int]]
) -> None:
    async def play() -> None:
        office = InMemoryOffice(*buried)
        for remedy in (office.t, office.u):
            remedy.failing = {id: RetryFailed("no") for id in failing}
        for step, id in steps:
            before = set(await office.waiting())
            if step == "all":
                done = {o.id for o in await office.retry_all() if o.result == "done"}
            elif id > len(buried):
                continue
            else:
                act = office.box.retry if step == "retry" else office.box.skip
                outcome = await act(id, ADA)
                done = {id} if outcome.result == "done" else set()
            after = set(await office.waiting())
            assert before - after == done
            if step != "skip":
                for settled in done:
                    earlier = [
                        id
                        for id, letter in enumerate(buried, start=1)
                        if id < settled and letter == buried[settled - 1] and letter[1] is not None
                    ]
                    assert not after & {*earlier}

    asyncio.run(play())


async def test_an_unreadable_batch_can_only_be_skipped() -> None:
    office = InMemoryOffice()
    for id, topic in ((1, "t"), (2, "nobody-knows")):
        unreadable = replace(message(id, None, topic), code=UNREADABLE_BATCH)
        office.book.add(StoredDeadLetter(id, unreadable, None, NOON))

    shown = await office.box.show(1)
    assert (shown.letter.kind, shown.retry) == (
        "order",
        "nothing: the records cannot be read: their sender must send them again",
    )
    for id in (1, 2):
        assert (await office.box.retry(id, ADA)).result == "failed"
        assert (await office.box.skip(id, ADA)).result == "done"
    assert office.t.done == []
