"""The contract of every DeadLetterStore. The suite of an adapter subclasses it and provides the fixture `book`, and
`bury`, which records a dead letter and returns its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.operators.audit import Operator, OperatorAction
from domain.operators.dead_letters.model import DeadLetterCount, DeadLetterQuery
from domain.operators.dead_letters.store import DeadLetterStore, StoredDeadLetter
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from tests.contracts.audit import action

SendToDeadLetters = Callable[[DeadLetter], Awaitable[int]]

ONE = "basket-00000000-0000-7000-8000-000000000001"
OTHER = "basket-00000000-0000-7000-8000-000000000002"
ANY = DeadLetterQuery(settled=None)


def message(offset: int, about: str | None = ONE, topic: str = "t", code: str = "unreadable") -> DeadLetter:
    """A message whose key names a basket."""
    return DeadLetter(
        source=MessageSource(topic, 0, offset),
        key=about.encode() if about else None,
        value=b"\xff",
        headers=(("ce_id", b"x"),),
        code=code,
        error="not as it should be",
    )


def retried(number: int) -> OperatorAction:
    operator = Operator(actor="ada", way="console", reason="mended")
    return action(number, type="operations.dead-letter-retried.v1", operator=operator)


async def found(book: DeadLetterStore, id: int) -> StoredDeadLetter:
    letter = await book.find(id)
    assert letter is not None
    return letter


async def settle(book: DeadLetterStore, id: int, *more: int) -> None:
    async with book.claim(id, None, ()) as claim:
        assert not isinstance(claim, str)
        await claim.resolve([id, *more], "retried", retried(id))


class DeadLetterStoreContract:
    async def test_letters_are_complete_and_in_the_order_of_recording(
        self, book: DeadLetterStore, bury: SendToDeadLetters
    ) -> None:
        messages = [message(9), message(3, None), message(5, OTHER)]
        ids = [await bury(each) for each in messages]

        page = await book.page(DeadLetterQuery(), 0, 10)

        assert ids == sorted(ids) == [letter.id for letter in page]
        assert [letter.message for letter in page] == messages
        assert [letter.basket_id for letter in page] == [ONE, None, OTHER]
        assert await book.last_id() == ids[-1]
        assert await book.find(ids[-1] + 1) is None

    async def test_pages_follow_each_other_without_a_gap(self, book: DeadLetterStore, bury: SendToDeadLetters) -> None:
        ids = [await bury(message(offset)) for offset in range(5)]

        first = await book.page(ANY, 0, 2)
        rest = await book.page(ANY, first[-1].id, 10)

        assert [letter.id for letter in (*first, *rest)] == ids

    async def test_a_query_filters_letters(self, book: DeadLetterStore, bury: SendToDeadLetters) -> None:
        by_topic = await bury(message(1, topic="other"))
        by_code = await bury(message(2, code="no_value"))
        by_basket = await bury(message(3, OTHER))
        settled = await bury(message(4))
        await settle(book, settled)

        async def ids(query: DeadLetterQuery) -> list[int]:
            return [letter.id for letter in await book.page(query, 0, 10)]

        assert await ids(DeadLetterQuery(topic="other")) == [by_topic]
        assert await ids(DeadLetterQuery(code="no_value")) == [by_code]
        assert await ids(DeadLetterQuery(basket_id=OTHER)) == [by_basket]
        assert await ids(DeadLetterQuery(settled=True)) == [settled]
        assert await ids(ANY) == [by_topic, by_code, by_basket, settled]
        assert await ids(DeadLetterQuery(topic="other", code="no_value")) == []

    async def test_a_claim_knows_the_other_letters_of_its_order(
        self, book: DeadLetterStore, bury: SendToDeadLetters
    ) -> None:
        first, second = await bury(message(1)), await bury(message(2, topic="u"))
        await bury(message(3, OTHER))
        await bury(message(4, topic="elsewhere"))
        third = await bury(message(5))

        async with book.claim(second, ONE, ["t", "u"]) as claim:
            assert not isinstance(claim, str)
            assert (claim.letter.id, claim.waits_for, claim.others) == (second, first, [first, third])
        async with book.claim(first, ONE, ["t", "u"]) as claim:
            assert not isinstance(claim, str)
            assert (claim.waits_for, claim.others) == (None, [second, third])
        assert await book.first_of(ONE, ["t", "u"]) == first
        assert await book.first_of(ONE, ["nothing"]) is None

    async def test_a_claim_excludes_other_claims_of_its_order(
        self, book: DeadLetterStore, bury: SendToDeadLetters
    ) -> None:
        first, second = await bury(message(1)), await bury(message(2))
        other = await bury(message(3, OTHER))

        async with book.claim(first, ONE, ["t"]) as claim:
            assert not isinstance(claim, str)
            async with book.claim(second, ONE, ["t"]) as refused:
                assert refused == "busy"
            async with book.claim(other, OTHER, ["t"]) as free:
                assert not isinstance(free, str)
            await claim.resolve([first], "retried", retried(1))
        async with book.claim(first, ONE, ["t"]) as late:
            assert late == "settled"
        async with book.claim(second, ONE, ["t"]) as next_one:
            assert not isinstance(next_one, str)
            assert next_one.waits_for is None

    async def test_a_resolved_letter_says_how_and_no_longer_counts(
        self, book: DeadLetterStore, bury: SendToDeadLetters
    ) -> None:
        first, second = await bury(message(1)), await bury(message(2, code="no_value"))
        third = await bury(message(3))
        assert await book.counts() == [
            DeadLetterCount(topic="t", code="no_value", count=1),
            DeadLetterCount(topic="t", code="unreadable", count=2),
        ]

        await settle(book, first, second)

        letter = await found(book, first)
        assert (letter.settled_by, letter.tries, letter.last_error) == ("retried", 1, None)
        assert letter.settled_at is not None
        assert (await found(book, second)).settled_by == "retried"
        assert await book.counts() == [DeadLetterCount(topic="t", code="unreadable", count=1)]
        assert (await found(book, third)).settled_at is None

    async def test_a_failed_retry_keeps_the_letter_with_its_latest_error(
        self, book: DeadLetterStore, bury: SendToDeadLetters
    ) -> None:
        id = await bury(message(1))
        for number, error in ((1, "no \x00 luck"), (2, "again no luck")):
            async with book.claim(id, ONE, ["t"]) as claim:
                assert not isinstance(claim, str)
                await claim.record_failure(error, retried(number))

        letter = await found(book, id)

        assert (letter.tries, letter.last_error, letter.settled_at) == (2, "again no luck", None)
        assert letter.tried_at is not None
        assert letter.message.error == "not as it should be"

    async def test_a_reopened_letter_waits_again(self, book: DeadLetterStore, bury: SendToDeadLetters) -> None:
        id = await bury(message(1))
        await settle(book, id)

        await book.reopen([id], "it came back")

        letter = await found(book, id)
        assert (letter.settled_at, letter.settled_by, letter.last_error) == (None, None, "it came back")
        async with book.claim(id, ONE, ["t"]) as claim:
            assert not isinstance(claim, str)
