from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from adapters.postgres.catalogue.history import PostgresCatalogueCheckpoints, PostgresCatalogueHistory
from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets
from adapters.system import new_id, utc_now
from domain.basket.basket import Basket
from domain.basket.commands import Caller, ValidateBasket
from domain.ports.catalogue import CatalogueCheckpoints
from domain.validation.revalidate_as_of import AsOfValidator
from tests.builders import add, availability, caller, item, offer, policy, price, validate
from tests.builders.shop import Shop, open_shop
from tests.fakes.basket_views import InMemoryCatalogueCheckpoints
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.workers.running_worker import ready_worker
from workers.revalidator import CHECKPOINT_NAME, RevalidatorWorker


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(
            offer("o-1", products=["SKU-1"]),
            price("o-1"),
            availability("SKU-1", quantity=50),
            offer("o-2", products=["SKU-2"]),
            price("o-2"),
        )
        yield shop


class CountedPositions(PostgresCatalogueHistory):
    """Counts the queries for the catalogue's position."""

    count = 0

    async def position_at(self, moment: datetime | None = None) -> int:
        self.count += 1
        return await super().position_at(moment)


def revalidator(
    shop: Shop,
    readers: CatalogueCheckpoints | None = None,
    *,
    rate: float = 5_000,
    settles: timedelta = timedelta(0),
) -> RevalidatorWorker:
    return RevalidatorWorker(
        shop.history,
        readers or PostgresCatalogueCheckpoints(shop.database),
        PostgresOpenBaskets(shop.database),
        shop.handlers.real,
        PostgresLeadership(shop.database, retry_every=0.05),
        utc_now,
        new_id,
        rate=rate,
        settles=settles,
        poll_seconds=0.02,
    )


async def all_handled(shop: Shop) -> None:
    """Waits until the worker has handled every fact."""
    last = await shop.history.position_at()

    async def handled() -> bool:
        return await PostgresCatalogueCheckpoints(shop.database).read(CHECKPOINT_NAME) == last

    await eventually(handled)


async def said(shop: Shop, baskets: Sequence[Basket]) -> list[list[bool]]:
    """Whether each verdict of each basket was ready, in order."""
    return [[verdict.ready for verdict in await shop.verdicts(basket.id)] for basket in baskets]


async def test_only_facts_that_change_a_verdict_push_one(shop: Shop) -> None:
    touched, other = await shop.fill(item("o-1")), await shop.fill(item("o-2"))
    for basket in (touched, other):
        await shop.judge(basket)

    async with ready_worker(revalidator(shop)):
        await shop.record(availability("SKU-1", quantity=40, sequence=2))
        await all_handled(shop)
        assert await said(shop, [touched, other]) == [[True], [True]]

        await shop.record(availability("SKU-1", status="blocked", sequence=3))
        await all_handled(shop)
        assert await said(shop, [touched, other]) == [[True, False], [True]]

        await shop.record(availability("SKU-1", status="blocked", reason="in other words", sequence=4))
        await all_handled(shop)
        await shop.record(availability("SKU-1", status="available", sequence=5))
        await all_handled(shop)

    assert await said(shop, [touched, other]) == [[True, False, True], [True]]


async def test_a_partners_price_pushes_verdicts_of_that_partner_only(shop: Shop) -> None:
    ours, theirs = await shop.fill(item("o-1")), await shop.fill(item("o-1"), partner="globex")
    for basket in (ours, theirs):
        await shop.judge(basket)

    async with ready_worker(revalidator(shop)):
        await shop.record(price("o-1", "7.00", partner="globex"))
        await all_handled(shop)
        await shop.record(availability("SKU-1", status="blocked", valid_from=utc_now() + timedelta(days=1), sequence=9))
        await all_handled(shop)

    assert await said(shop, [ours, theirs]) == [[True], [True, False]]
    for verdict in await shop.verdicts(ours.id):
        assert not any("globex" in fact_id for fact_id in verdict.evidence)
    assert "price/o-1/v-1/*/GBP/*/globex#1" in (await shop.verdicts(theirs.id))[-1].evidence


async def test_a_withdrawal_changes_verdicts_and_earlier_ones_can_be_repeated(
    shop: Shop,
) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.record(availability("SKU-1", status="blocked", sequence=7))
    await shop.judge(basket)

    async with ready_worker(revalidator(shop)):
        for gone in (availability("SKU-1"), price("o-1"), offer("o-1")):
            await shop.withdraw(gone)
            await all_handled(shop)

    verdicts = await shop.verdicts(basket.id)
    found = [
        {finding.code for finding in (*verdict.blocked_products, *verdict.validation_errors)} for verdict in verdicts
    ]
    assert found == [
        {"product_blocked"},
        set(),
        {"price_missing"},
        {"price_missing", "offer_not_published"},
    ]
    rejudging = AsOfValidator(shop.store, shop.history, utc_now)
    for verdict in verdicts:
        again = await rejudging.at_version(basket.id, verdict.originator_version)
        assert again.stored is not None
        assert again.verdict.evidence == again.stored.verdict.evidence
        assert again.verdict.passed == again.stored.verdict.passed


async def test_a_pushed_verdict_names_its_actor_and_the_catalogues_position(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"), partner="globex")
    await shop.judge(basket)

    async with ready_worker(revalidator(shop)):
        await shop.record(price("o-1", "11.00", sequence=2))
        await all_handled(shop)

    event = (await shop.store.read_events(basket.id))[-1]
    metadata = json.loads(event.metadata)
    assert (metadata["actor"], metadata["partner"]) == ("revalidator", "globex")
    verdict = (await shop.verdicts(basket.id))[-1]
    assert [finding.code for finding in verdict.validation_errors] == ["price_changed"]
    assert verdict.catalogue_position == await shop.history.position_at()


async def test_baskets_without_a_verdict_and_finished_baskets_are_left_alone(shop: Shop) -> None:
    unasked, completed = await shop.fill(item("o-1")), await shop.fill(item("o-1"))
    await shop.judge(completed)
    await shop.handlers.complete(completed.id, "order-1", caller_of(completed))

    async with ready_worker(revalidator(shop)):
        await shop.record(offer("o-1", products=["SKU-1"], status="withdrawn", sequence=2))
        await all_handled(shop)

    assert await said(shop, [unasked, completed]) == [[], [True]]


async def test_a_basket_is_touched_by_a_product_that_its_offer_contains_since(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.judge(basket)
    await shop.record(offer("o-1", products=["SKU-9"], sequence=2))

    async with ready_worker(revalidator(shop)):
        await shop.record(availability("SKU-9", status="discontinued"))
        await all_handled(shop)

    assert await said(shop, [basket]) == [[True, False]]


async def test_a_policy_touches_the_baskets_of_its_organisation(shop: Shop) -> None:
    ours, theirs = (
        await shop.fill(item("o-1"), item("o-2")),
        await shop.fill(item("o-1"), item("o-2"), partner="globex"),
    )
    for basket in (ours, theirs):
        await shop.judge(basket)

    async with ready_worker(revalidator(shop)):
        await shop.record(policy("acme", maximum_lines=1))
        await all_handled(shop)
        assert await said(shop, [ours, theirs]) == [[True, False], [True]]

        await shop.record(policy(None, maximum_lines=1))
        await all_handled(shop)

    assert await said(shop, [ours, theirs]) == [[True, False], [True, False]]


async def test_a_basket_whose_view_lags_is_found_too(shop: Shop) -> None:
    basket, new = await shop.fill(item("o-2")), await shop.fill(item("o-1"), projected=False)
    await shop.change(basket, add("o-1"))
    for each in (basket, new):
        await shop.handlers.validate(validation(each), caller_of(each))

    async with ready_worker(revalidator(shop)):
        await shop.record(availability("SKU-1", status="blocked", sequence=2))
        await all_handled(shop)

    assert await said(shop, [basket, new]) == [[True, False], [True, False]]


async def test_facts_from_before_the_first_start_push_nothing_and_those_of_a_pause_do(
    shop: Shop,
) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.judge(basket)
    await shop.record(availability("SKU-1", status="blocked", sequence=2))

    async with ready_worker(revalidator(shop)):
        await all_handled(shop)
    assert await said(shop, [basket]) == [[True]]

    await shop.record(price("o-1", "12.00", sequence=2))
    async with ready_worker(revalidator(shop)):
        await all_handled(shop)
    assert await said(shop, [basket]) == [[True, False]]


async def test_a_fact_counts_only_once_it_has_settled(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.judge(basket)
    readers = InMemoryCatalogueCheckpoints()
    start = await shop.history.position_at()

    looks = CountedPositions(shop.database)
    shop.history = looks

    async with ready_worker(revalidator(shop, readers, settles=timedelta(hours=1))):
        await shop.record(availability("SKU-1", status="blocked", sequence=2))
        before = looks.count
        await eventually(lambda: looks.count > before + 3)

    assert await readers.read(CHECKPOINT_NAME) == start
    assert await said(shop, [basket]) == [[True]]


async def test_at_most_so_many_baskets_a_second_are_validated(shop: Shop) -> None:
    baskets = [await shop.fill(item("o-1")) for _ in range(20)]
    for basket in baskets:
        await shop.judge(basket)
    loop = asyncio.get_running_loop()

    async with ready_worker(revalidator(shop, rate=40)):
        begun = loop.time()
        await shop.record(availability("SKU-1", status="blocked", sequence=2))
        await all_handled(shop)

    assert loop.time() - begun >= 19 / 40
    assert await said(shop, baskets) == [[True, False]] * 20


async def test_a_fact_that_touches_a_thousand_baskets_changes_exactly_the_right_verdicts(
    shop: Shop,
) -> None:
    # Stock of 50: every second basket asks for one, the others for 30.
    baskets = await filled(shop, 1_000)

    async with ready_worker(revalidator(shop)):
        await shop.record(availability("SKU-1", quantity=20, sequence=2))
        await all_handled(shop)

    assert await said(shop, baskets) == [[True], [True, False]] * 500


async def test_a_killed_worker_pushes_each_change_once_after_its_restart(
    shop: Shop,
) -> None:
    baskets = await filled(shop, 300)
    async with process(shop) as first:
        await eventually(lambda: has_begun(shop))
        await shop.record(availability("SKU-1", quantity=20, sequence=2))

        async def in_the_middle() -> bool:
            return 10 < await pushed(shop) < 140

        await eventually(in_the_middle)
        await first.kill()
    async with process(shop):
        await all_handled(shop)

    assert await said(shop, baskets) == [[True], [True, False]] * 150


def process(shop: Shop) -> Program:
    """`checkout work revalidator`, slow enough to be killed in the middle."""
    environment = {
        "CHECKOUT_DATABASE_URL": shop.url,
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CHECKOUT_REVALIDATOR_RATE": "150",
        "CHECKOUT_REVALIDATOR_SETTLES": "0",
        "CHECKOUT_LOG_LEVEL": "ERROR",
    }
    return Program("-m", "cli", "work", "revalidator", "--health-port", "0", environment=environment)


async def has_begun(shop: Shop) -> bool:
    return await PostgresCatalogueCheckpoints(shop.database).read(CHECKPOINT_NAME) is not None


async def pushed(shop: Shop) -> int:
    async with shop.database.connection() as connection:
        count: int = await connection.fetchval(PUSHED)
        return count


# How many events the revalidator has recorded.
PUSHED = """
SELECT count(*) FROM events WHERE convert_from(metadata, 'UTF8')::jsonb ->> 'actor' = 'revalidator'
"""


async def filled(shop: Shop, count: int) -> list[Basket]:
    """Baskets that were judged ready: of o-1 by turns one and 30 pieces."""
    turns = asyncio.Semaphore(8)

    async def one(number: int) -> Basket:
        async with turns:
            basket = await shop.fill(item("o-1", 30 if number % 2 else 1), projected=False)
            await shop.handlers.validate(validation(basket), caller_of(basket))
            return basket

    baskets = list(await asyncio.gather(*(one(number) for number in range(count))))
    await shop.project(*(basket.id for basket in baskets))
    return baskets


def validation(basket: Basket) -> ValidateBasket:
    return validate(basket.id)


def caller_of(basket: Basket) -> Caller:
    return caller(basket.partner)
