"""Validation of stored baskets: what is validated and recorded, never from a stale cache."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from pydantic_core import from_json

from domain.basket.events import BasketValidated
from domain.basket.serialization import serialize_order, verdict_json
from domain.shared.errors import BasketNotFound, VersionMismatch
from domain.validation.verdict_assembler import VerdictAssembler
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    InMemoryCheckout,
    InterruptedStore,
    add,
    at_version,
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
from tests.scenario import happened


async def stocked(**values: str) -> tuple[InMemoryCheckout, str]:
    """A checkout that sells o-1 out of a stock of 10, and a basket of 4 of it."""
    checkout = InMemoryCheckout()
    await checkout.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=10))
    initiated = await checkout.handlers.initiate(initiate(item("o-1", 4), **values), caller())
    return checkout, initiated.basket.id


async def test_a_verdict_is_the_next_version_and_names_the_validated_one() -> None:
    checkout, id = await stocked()
    validated = await checkout.handlers.validate(validate(id), caller())
    assert validated.verdict.ready
    assert (validated.before.version, validated.basket.version) == (2, 3)
    assert happened(await checkout.history(id))[-1] == ("validated", 2, True)
    assert (await checkout.handlers.get(id, "acme")).ready is True


async def test_a_recorded_verdict_contains_all_findings() -> None:
    checkout, id = await stocked()
    await checkout.record(availability("SKU-1", quantity=3, sequence=2))
    validated = await checkout.handlers.validate(validate(id), caller())
    recorded = (await checkout.history(id))[-1]
    assert isinstance(recorded, BasketValidated)
    assert recorded.blocked_products == validated.verdict.blocked_products
    assert [finding.code for finding in recorded.blocked_products] == ["product_insufficient_stock"]
    assert recorded.validation_errors == validated.verdict.validation_errors == ()
    assert recorded.evidence == validated.verdict.evidence
    assert recorded.evidence == ("availability/SKU-1/*/*#2", "offer/o-1/v-1#1", "price/o-1/v-1/*/GBP/*#1")


async def test_a_verdict_names_the_validated_version_and_the_time() -> None:
    checkout, id = await stocked()
    checkout.clock.advance(SECOND)
    validated = await checkout.handlers.validate(validate(id), caller())
    document = from_json(verdict_json(validated))
    assert document["checkout"] == serialize_order(validated.before)
    assert (document["basketVersion"], document["checkout"]["version"]) == (2, 2)
    assert datetime.fromisoformat(document["validatedAt"]) == NOW + SECOND


async def test_every_validation_records_a_verdict() -> None:
    checkout, id = await stocked()
    first = await checkout.handlers.validate(validate(id), caller())
    await checkout.record(availability("SKU-1", status="blocked", sequence=2))
    second = await checkout.handlers.validate(validate(id), caller())
    assert (first.verdict.ready, second.verdict.ready) == (True, False)
    assert (second.before.version, second.basket.version) == (3, 4)


async def test_a_verdict_includes_changes_that_another_process_acknowledged() -> None:
    checkout, id = await stocked()
    await checkout.handlers.validate(validate(id), caller())
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    await checkout.process().handlers.update(update(id, change(line.id, 11)), caller())
    validated = await checkout.handlers.validate(validate(id), caller())
    assert not validated.verdict.ready
    assert validated.before.items[line.id].quantity == 11


async def test_a_verdict_under_concurrent_updates_is_about_the_version_it_names() -> None:
    checkout, id = await stocked()
    processes = [checkout.process() for _ in range(4)]
    updates = [process.handlers.update(update(id, add("o-1", 1)), caller()) for process in processes]
    verdicts = [process.handlers.validate(validate(id), caller()) for process in processes]
    _, validated = await asyncio.gather(asyncio.gather(*updates), asyncio.gather(*verdicts))
    history = await checkout.history(id)
    for each in validated:
        recorded = history[each.before.version]
        assert isinstance(recorded, BasketValidated)
        assert recorded.basket_version == each.before.version == recorded.originator_version - 1


async def test_a_basket_past_its_expiry_is_shown_and_validated_as_expired() -> None:
    checkout, id = await stocked()
    checkout.clock.advance(LIFETIME)
    validated = await checkout.handlers.validate(validate(id), caller())
    assert [finding.code for finding in validated.verdict.validation_errors] == ["basket_expired"]
    assert serialize_order(validated.before)["status"] == "expired"
    await checkout.handlers.expire(id, caller())
    assert happened(await checkout.history(id))[-1] == ("expired",)


@pytest.mark.parametrize("late", [SECOND, LIFETIME], ids=["in time", "past its expiry"])
async def test_consumers_read_the_verdict_that_the_caller_got(late: timedelta) -> None:
    checkout, id = await stocked()
    checkout.clock.advance(late)
    validated = await checkout.handlers.validate(validate(id), caller())
    await checkout.handlers.validate(validate(id), caller())
    verdicts = await VerdictAssembler(checkout.store).of(await checkout.store.read(0, 100))
    assert list(verdicts) == [3, 4]
    assert verdicts[3] == verdict_json(validated)


async def test_a_basket_that_changes_during_its_validation_is_validated_again() -> None:
    checkout = InMemoryCheckout(make_store=InterruptedStore)
    assert isinstance(checkout.store, InterruptedStore)
    id = (await checkout.handlers.initiate(initiate(), caller())).basket.id
    other = checkout.process().handlers
    checkout.store.before_append = lambda: other.update(update(id, add("o-1", 2)), caller())
    validated = await checkout.handlers.validate(validate(id), caller())
    assert [finding.code for finding in validated.verdict.validation_errors] == ["offer_unknown"]
    assert (validated.before.version, len(validated.before.items)) == (2, 1)


async def test_an_unknown_basket_is_not_validated() -> None:
    checkout, id = await stocked()
    for asked, partner in ((basket_id(99), "acme"), (id, "globex")):
        with pytest.raises(BasketNotFound):
            await checkout.handlers.validate(validate(asked), caller(partner))
    assert len(await checkout.history(id)) == 2


async def test_a_validation_may_require_a_version() -> None:
    checkout, id = await stocked()
    await checkout.handlers.validate(validate(id, at_version(2)), caller())
    with pytest.raises(VersionMismatch) as caught:
        await checkout.handlers.validate(validate(id, at_version(2)), caller())
    assert caught.value.actual == 3


async def test_a_verdict_keeps_the_external_id_with_the_basket() -> None:
    checkout, id = await stocked(external_id="E-1")
    await checkout.handlers.validate(validate(id), caller())
    assert (await checkout.handlers.initiate(initiate(external_id="E-1"), caller())).basket.id == id
