"""Baskets are validated as they were, by the facts known then."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from domain.basket.codec import encode
from domain.basket.events import BasketValidated
from domain.catalogue.facts import Fact
from domain.ports.event_store import Append, NewEvent
from domain.shared.errors import BasketNotFound
from domain.validation.revalidate_as_of import AsOfValidator, AsOfVerdict, NotFoundAsOf
from domain.validation.verdict_diff import VerdictDiff, are_equivalent, diff_verdicts
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    InMemoryCheckout,
    add,
    availability,
    basket_id,
    caller,
    initiate,
    item,
    offer,
    policy,
    price,
    update,
    validate,
)
from tests.fakes.catalogue import InMemoryCatalogue


class InMemoryShop:
    """A checkout whose catalogue learns by the same clock, and one who judges its baskets again."""

    def __init__(self) -> None:
        self.checkout = InMemoryCheckout()
        self.clock = self.checkout.clock
        self.checkout.facts = InMemoryCatalogue(self.clock)
        self.checkout.main = self.checkout.process()
        self.rejudging = AsOfValidator(self.checkout.store, self.checkout.facts, self.clock)

    async def record(self, *facts: Fact) -> None:
        await self.checkout.record(*facts)
        self.clock.advance(SECOND)

    async def sells(self) -> None:
        await self.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=10))

    async def fill(self, quantity: int = 4) -> str:
        basket = (await self.checkout.handlers.initiate(initiate(item("o-1", quantity)), caller())).basket
        self.clock.advance(SECOND)
        return basket.id

    async def judge(self, id: str) -> int:
        """The version of the verdict."""
        version = (await self.checkout.handlers.validate(validate(id), caller())).basket.version
        self.clock.advance(SECOND)
        return version

    async def events(self, id: str) -> Sequence[object]:
        return await self.checkout.history(id)


@pytest.fixture
async def shop() -> InMemoryShop:
    shop = InMemoryShop()
    await shop.sells()
    return shop


def codes(rejudged: AsOfVerdict) -> list[str]:
    verdict = rejudged.verdict
    return [finding.code for finding in (*verdict.blocked_products, *verdict.validation_errors)]


def is_as_recorded(rejudged: AsOfVerdict) -> bool:
    assert rejudged.stored is not None
    return diff_verdicts(rejudged.stored.verdict, rejudged.verdict) == VerdictDiff()


async def test_a_repeated_verdict_is_the_same_whatever_was_recorded_since(shop: InMemoryShop) -> None:
    id = await shop.fill()
    version = await shop.judge(id)
    await shop.record(
        availability("SKU-1", status="blocked", sequence=2),
        price("o-1", "99.00", sequence=2),
        offer("o-1@v-2", sequence=2),
    )

    again = await shop.rejudging.at_version(id, version)

    assert codes(again) == []
    assert is_as_recorded(again)
    assert again.basket.version == version - 1
    assert "product_blocked" in codes(await shop.rejudging.now(id))


async def test_a_fact_recorded_at_the_time_of_a_verdict_but_after_it_does_not_count(
    shop: InMemoryShop,
) -> None:
    id = await shop.fill()
    version = (await shop.checkout.handlers.validate(validate(id), caller())).basket.version
    await shop.checkout.record(availability("SKU-1", status="blocked", sequence=2))

    assert is_as_recorded(await shop.rejudging.at_version(id, version))


async def test_a_verdict_within_the_period_of_an_availability_is_repeated_after_it(shop: InMemoryShop) -> None:
    now = shop.clock()
    await shop.record(
        availability("SKU-1", status="blocked", valid_from=now, valid_until=now + 60 * SECOND, sequence=2),
        price("o-1", "11.00", partner="acme", valid_from=now + 30 * SECOND, valid_until=now + 60 * SECOND),
    )
    id = await shop.fill()
    first = await shop.judge(id)
    shop.clock.advance(30 * SECOND)
    second = await shop.judge(id)
    shop.clock.advance(60 * SECOND)

    again = [await shop.rejudging.at_version(id, version) for version in (first, second)]

    assert [codes(each) for each in again] == [
        ["product_blocked"],
        ["product_blocked", "price_changed", "price_expires_soon"],
    ]
    assert all(is_as_recorded(each) for each in again)
    assert codes(await shop.rejudging.now(id)) == []


async def test_facts_that_were_unknown_then_are_unknown_again(shop: InMemoryShop) -> None:
    await shop.checkout.handlers.initiate(initiate(item("o-1")), caller())
    unknown = (await shop.checkout.handlers.initiate(initiate(item("o-9")), caller())).basket.id
    version = await shop.judge(unknown)
    await shop.record(offer("o-9", products=["SKU-9"]), price("o-9"))

    again = await shop.rejudging.at_version(unknown, version)

    assert codes(again) == ["offer_unknown"]
    assert is_as_recorded(again)


async def test_a_late_older_fact_changes_no_verdict_before_or_after_it(shop: InMemoryShop) -> None:
    id = await shop.fill()
    await shop.record(price("o-1", "12.00", sequence=5))
    before = await shop.judge(id)
    await shop.record(price("o-1", "3.00", sequence=4))
    after = await shop.judge(id)

    for version in (before, after):
        again = await shop.rejudging.at_version(id, version)
        assert is_as_recorded(again)
        assert codes(again) == ["price_changed"]


async def test_a_fact_that_contradicts_a_recorded_one_changes_no_verdict(shop: InMemoryShop) -> None:
    id = await shop.fill()
    version = await shop.judge(id)
    await shop.record(price("o-1", "55.00"))

    assert is_as_recorded(await shop.rejudging.at_version(id, version))


async def test_each_verdict_is_repeated_on_the_basket_as_it_was(shop: InMemoryShop) -> None:
    id = await shop.fill(quantity=4)
    enough = await shop.judge(id)
    await shop.checkout.handlers.update(update(id, add("o-1", 20)), caller())
    too_many = await shop.judge(id)

    first, second = [await shop.rejudging.at_version(id, version) for version in (enough, too_many)]

    assert (codes(first), codes(second)) == ([], ["product_insufficient_stock"])
    assert is_as_recorded(first)
    assert is_as_recorded(second)


async def test_a_version_without_a_verdict_is_validated_as_of_its_event(shop: InMemoryShop) -> None:
    id = await shop.fill()
    await shop.record(availability("SKU-1", status="blocked", sequence=2))

    again = await shop.rejudging.at_version(id, 2)

    assert (codes(again), again.stored, again.basket.version) == ([], None, 2)


async def test_as_of_a_time_facts_and_changes_until_then_count(shop: InMemoryShop) -> None:
    id = await shop.fill()
    filled_at = shop.clock()
    await shop.record(availability("SKU-1", quantity=2, sequence=2))
    scarce_at = shop.clock()
    await shop.checkout.handlers.update(update(id, add("o-7")), caller())
    shop.clock.advance(SECOND)

    said = [codes(await shop.rejudging.as_of(id, at)) for at in (filled_at - SECOND, scarce_at - SECOND)]

    assert said == [[], ["product_insufficient_stock"]]
    assert "offer_unknown" in codes(await shop.rejudging.as_of(id, shop.clock()))


async def test_as_of_the_time_of_a_verdict_repeats_that_verdict(shop: InMemoryShop) -> None:
    id = await shop.fill()
    at = shop.clock()
    await shop.judge(id)

    again = await shop.rejudging.as_of(id, at)

    assert again.stored is not None
    assert is_as_recorded(again)


async def test_now_uses_all_facts_and_includes_the_last_verdict(shop: InMemoryShop) -> None:
    id = await shop.fill()
    version = await shop.judge(id)
    await shop.record(availability("SKU-1", status="blocked", sequence=2))

    now = await shop.rejudging.now(id)

    assert (codes(now), now.stored) == (["product_blocked"], None)
    assert now.last is not None
    assert (now.last.version, now.last.verdict.ready) == (version, True)


async def test_repeating_a_verdict_appends_nothing(shop: InMemoryShop) -> None:
    id = await shop.fill()
    version = await shop.judge(id)
    before = await shop.events(id)

    await shop.rejudging.now(id)
    await shop.rejudging.at_version(id, version)
    await shop.rejudging.as_of(id, shop.clock())

    assert await shop.events(id) == before


async def test_a_basket_that_was_expired_then_is_expired_again(shop: InMemoryShop) -> None:
    id = await shop.fill()
    shop.clock.advance(LIFETIME)
    version = await shop.judge(id)

    again = await shop.rejudging.at_version(id, version)

    assert "basket_expired" in codes(again)
    assert is_as_recorded(again)


async def test_a_basket_that_did_not_exist_then_cannot_be_validated(shop: InMemoryShop) -> None:
    id = await shop.fill()
    with pytest.raises(BasketNotFound):
        await shop.rejudging.now(basket_id(99))
    with pytest.raises(NotFoundAsOf):
        await shop.rejudging.at_version(id, 77)
    with pytest.raises(NotFoundAsOf):
        await shop.rejudging.as_of(id, NOW - LIFETIME)


async def test_a_verdict_without_a_position_is_repeated_by_its_time_and_evidence(
    shop: InMemoryShop,
) -> None:
    id = await shop.fill()
    validated = await shop.checkout.handlers.validate(validate(id), caller())
    [event] = [each for each in await shop.events(id) if isinstance(each, BasketValidated)]
    older = InMemoryCheckout().store
    await copy_stream(shop, id, older, replace_last=event.model_copy(update={"catalogue_position": None}))
    shop.clock.advance(SECOND)
    await shop.record(availability("SKU-1", status="blocked", sequence=2))

    again = await AsOfValidator(older, shop.checkout.facts, shop.clock).at_version(id, validated.basket.version)

    assert is_as_recorded(again)


async def copy_stream(shop: InMemoryShop, id: str, to: object, replace_last: BasketValidated) -> None:
    stored = await shop.checkout.store.read_events(id)
    events = [NewEvent(event.type, event.data, event.metadata) for event in stored[:-1]]
    last = structs.replace(events[-1], type=stored[-1].type, data=encode(replace_last))
    await to.append(Append(id, 0, [*events, last]))  # type: ignore[attr-defined]


moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("learn"),
            st.integers(0, 5),
            st.sampled_from(("price", "stock", "offer", "block", "policy")),
        ),
        st.tuples(st.just("add"), st.integers(1, 3), st.sampled_from(("o-1", "o-2"))),
        st.tuples(st.just("judge"), st.just(0), st.just("")),
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(moves)
async def test_every_recorded_verdict_can_be_repeated_whatever_happened(
    moves: list[tuple[str, int, str]],
) -> None:
    shop = InMemoryShop()
    id = await shop.fill(quantity=1)
    versions = [await shop.judge(id)]
    for what, number, of in moves:
        if what == "learn":
            await shop.record(said(of, number))
        elif what == "add":
            await shop.checkout.handlers.update(update(id, add(of, number)), caller())
        else:
            versions.append(await shop.judge(id))
    for version in versions:
        assert is_as_recorded(await shop.rejudging.at_version(id, version))


def said(what: str, sequence: int) -> Fact:
    if what == "price":
        return price("o-1", f"{sequence}.50", sequence=sequence)
    if what == "stock":
        return availability("SKU-1", quantity=sequence, sequence=sequence)
    if what == "block":
        return availability("SKU-1", status="blocked", partner="acme", sequence=sequence)
    if what == "policy":
        return policy(maximum_lines=sequence + 1, sequence=sequence)
    return offer("o-1", status="draft" if sequence % 2 else "published", sequence=sequence)


async def test_verdicts_that_differ_in_messages_and_data_only_are_equivalent(shop: InMemoryShop) -> None:
    id = await shop.fill(quantity=8)
    await shop.record(availability("SKU-1", quantity=3, sequence=2))
    three = (await shop.rejudging.now(id)).verdict
    await shop.record(availability("SKU-1", quantity=2, sequence=3))
    two = (await shop.rejudging.now(id)).verdict
    await shop.record(availability("SKU-1", quantity=0, sequence=4))
    none = (await shop.rejudging.now(id)).verdict

    assert diff_verdicts(three, two).in_findings
    assert are_equivalent(three, two)
    assert not are_equivalent(two, none)
