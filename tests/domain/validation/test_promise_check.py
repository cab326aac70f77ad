"""Whether a basket still is what a promise says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.catalogue.facts import Fact
from domain.ports.promises import BasketPromise
from domain.validation.promise_check import PromiseCheck, PromiseChecker
from domain.validation.revalidate_as_of import AsOfValidator
from tests.builders import (
    LIFETIME,
    SECOND,
    InMemoryCheckout,
    availability,
    basket_id,
    caller,
    cancel,
    change,
    initiate,
    item,
    money,
    offer,
    price,
    update,
    validate,
)
from tests.fakes.catalogue import InMemoryCatalogue
from tests.fakes.promises import RecordingSigner


class PromisedShop:
    """A basket with a promise, and one who checks it."""

    def __init__(self) -> None:
        self.signer = RecordingSigner()
        self.checkout = InMemoryCheckout(signer=self.signer)
        self.checkout.facts = InMemoryCatalogue(self.checkout.clock)
        self.checkout.main = self.checkout.process()
        validator = AsOfValidator(self.checkout.store, self.checkout.facts, self.checkout.clock)
        self.checker = PromiseChecker(self.checkout.store, validator)

    async def record(self, *facts: Fact) -> None:
        await self.checkout.record(*facts)
        self.checkout.clock.advance(SECOND)

    async def promise(self) -> BasketPromise:
        """The basket has version 2, the verdict version 3."""
        await self.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=10))
        self.id = (await self.checkout.handlers.initiate(initiate(item("o-1", 4)), caller())).basket.id
        self.checkout.clock.advance(SECOND)
        await self.validate()
        return self.signer.signed[0]

    async def validate(self) -> None:
        await self.checkout.handlers.validate(validate(self.id), caller())
        self.checkout.clock.advance(SECOND)

    async def change(self) -> None:
        (line,) = (await self.checkout.handlers.get(self.id, "acme")).items
        await self.checkout.handlers.update(update(self.id, change(line, 5)), caller())


@pytest.fixture
def shop() -> PromisedShop:
    return PromisedShop()


async def test_a_basket_that_nobody_changed_is_as_promised(shop: PromisedShop) -> None:
    promise = await shop.promise()
    assert await shop.checker.check(promise, "promise-1") == PromiseCheck(
        (), status="open", version=3, verdict_version=3, repeated=True, ready_now=True
    )


async def test_later_verdicts_and_an_erasure_are_no_change(shop: PromisedShop) -> None:
    promise = await shop.promise()
    await shop.validate()
    await shop.checkout.forget(shop.id)
    check = await shop.checker.check(promise, "promise-1")
    assert (check.problems, check.version, check.changed_at) == ((), 5, None)
    second = await shop.checker.check(shop.signer.signed[1], "promise-2")
    assert (second.problems, second.verdict_version) == ((), 4)


async def test_a_change_is_named_by_its_version(shop: PromisedShop) -> None:
    promise = await shop.promise()
    await shop.change()
    await shop.validate()
    check = await shop.checker.check(promise, "promise-1")
    assert (check.problems, check.changed_at, check.repeated) == (("basket_changed",), 4, True)
    later = await shop.checker.check(shop.signer.signed[1], "promise-2")
    assert (later.problems, later.changed_at) == ((), None)


async def test_facts_that_were_recorded_later_do_not_break_a_promise(shop: PromisedShop) -> None:
    promise = await shop.promise()
    await shop.record(price("o-1", "99.00", sequence=2), availability("SKU-1", status="blocked", sequence=2))
    check = await shop.checker.check(promise, "promise-1")
    assert (check.problems, check.repeated, check.ready_now) == ((), True, False)


async def test_a_basket_that_is_over_is_not_as_promised(shop: PromisedShop) -> None:
    promise = await shop.promise()
    shop.checkout.clock.advance(LIFETIME + timedelta(hours=1))
    check = await shop.checker.check(promise, "promise-1")
    assert (check.problems, check.status) == (("basket_not_open",), "expired")


async def test_a_cancelled_basket_is_not_as_promised(shop: PromisedShop) -> None:
    promise = await shop.promise()
    await shop.checkout.handlers.cancel(cancel(shop.id), caller())
    check = await shop.checker.check(promise, "promise-1")
    assert (check.problems, check.status) == (("basket_not_open",), "cancelled")


async def test_a_basket_that_is_not_there_or_not_this_organisations_is_unknown(shop: PromisedShop) -> None:
    promise = await shop.promise()
    for other in (replace(promise, basket_id=basket_id(99)), replace(promise, partner="globex")):
        assert await shop.checker.check(other, "promise-1") == PromiseCheck(("basket_unknown",))


async def test_claims_that_differ_from_what_is_judged_again_are_named(shop: PromisedShop) -> None:
    promise = await shop.promise()
    for other, problem in (
        (replace(promise, total=money("1.00")), "verdict_differs"),
        (replace(promise, evidence="0" * 64), "evidence_differs"),
        (replace(promise, basket_version=1), "promise_unknown"),
    ):
        assert problem in (await shop.checker.check(other, "promise-1")).problems
    assert (await shop.checker.check(promise, "another")).problems == ("promise_unknown",)
