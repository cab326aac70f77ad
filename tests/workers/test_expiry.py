from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.postgres.event_partitions import EventPartitions
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import new_id
from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.decision import CheckoutConfig, ExpiryFrom
from domain.basket.projection import BasketProjection
from domain.basket.repository import BasketRepository
from domain.ports.event_store import Append, IdempotencyKey, NewEvent, RenderedResponse
from tests.builders import LIFETIME, SECOND, FixedClock, add, caller, cancel, initiate, item, update
from tests.builders.direct_handlers import DirectHandlers, direct_handlers
from tests.contracts.catalogue import unique
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.waiting import eventually
from tests.workers.running_worker import ready_worker
from tests.workers.worker_processes import event_store
from workers.expiry import ExpiryWorker


@dataclass
class Place:
    """Baskets with a clock, in a database of their own."""

    database: DatabasePool
    store: PostgresEventStore
    views: PostgresBasketViews
    clock: FixedClock

    def handlers(self, expiry_from: ExpiryFrom = "creation") -> DirectHandlers:
        baskets = BasketRepository(self.store)
        facts = InMemoryCatalogue()
        config = CheckoutConfig(lifetime=LIFETIME, expiry_from=expiry_from)
        return direct_handlers(self.store, baskets, facts, self.clock, new_id, config)

    def worker(self, page_baskets: int = 500) -> ExpiryWorker:
        return ExpiryWorker(
            self.views,
            self.handlers().real,
            self.store.purge_responses,
            EventPartitions(self.database).make_ahead,
            self.clock,
            new_id,
            interval=timedelta(milliseconds=20),
            page_baskets=page_baskets,
        )

    async def basket(self, external_id: str | None = None, partner: str = "acme") -> Basket:
        """A new basket, in the views as well."""
        begun = await self.handlers().initiate(initiate(item(), external_id=external_id), caller(partner=partner))
        await self.project(begun.basket)
        return begun.basket

    async def project(self, basket: Basket) -> None:
        stream = await self.store.read_stream(basket.id)
        events = {basket.id: decode_all(stream.events)} if stream.events != b"[]" else {}
        await BasketProjection(self.store, self.views).apply(events)

    async def expiries(self, basket: Basket) -> list[dict[str, str]]:
        """The metadata of each event that says that the basket expired."""
        events = await self.store.read_events(basket.id)
        return [json.loads(event.metadata) for event in events if event.type == "checkout.basket-expired.v1"]

    async def all_expired(self, baskets: Sequence[Basket]) -> None:
        async def each_once() -> bool:
            return [len(await self.expiries(basket)) for basket in baskets] == [1] * len(baskets)

        await eventually(each_once)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    database = DatabasePool(database_url)
    async with event_store(database_url) as store:
        yield Place(database, store, PostgresBasketViews(database), FixedClock())
    await database.close()


async def test_a_basket_expires_once_when_its_time_is_over(place: Place) -> None:
    due = await place.basket()
    place.clock.advance(SECOND)
    later = await place.basket()
    place.clock.advance(LIFETIME - SECOND)

    async with ready_worker(place.worker()):
        await place.all_expired([due])
        another = await place.basket()
        place.clock.advance(SECOND)
        await place.all_expired([due, later])

    assert await place.expiries(another) == []


async def test_an_expiry_names_its_actor_and_the_baskets_organisation(place: Place) -> None:
    basket = await place.basket(partner="globex")
    place.clock.advance(LIFETIME)

    async with ready_worker(place.worker()):
        await place.all_expired([basket])

    [said] = await place.expiries(basket)
    assert (said["actor"], said["partner"]) == ("expiry", "globex")
    assert said["traceparent"].split("-")[1] == said["correlationId"]


async def test_a_basket_that_cannot_be_read_holds_up_no_other(place: Place) -> None:
    broken, sound = await place.basket(), await place.basket()
    odd = NewEvent("checkout.order-item-removed.v1", b'{"odd":1}', b"{}")
    await place.store.append(Append(broken.id, broken.version, [odd]))
    place.clock.advance(LIFETIME)

    async with ready_worker(place.worker(page_baskets=1)):
        await place.all_expired([sound])

    assert await place.expiries(broken) == []


async def test_an_expired_basket_frees_its_external_id(place: Place) -> None:
    external_id = unique("EXT")
    basket = await place.basket(external_id)
    place.clock.advance(LIFETIME)

    async with ready_worker(place.worker()):
        await place.all_expired([basket])

    assert await place.store.find_claim(f"acme\x1f{external_id}") is None


async def test_all_due_baskets_expire_even_while_the_views_are_stalled(place: Place) -> None:
    baskets = [await place.basket() for _ in range(7)]
    place.clock.advance(LIFETIME)

    async with ready_worker(place.worker(page_baskets=2)):
        await place.all_expired(baskets)

    assert len(await place.views.due(place.clock(), 100)) == 7, "no view has moved"


async def test_several_workers_at_once_record_each_expiry_once(place: Place) -> None:
    baskets = [await place.basket() for _ in range(20)]
    place.clock.advance(LIFETIME)

    async with ready_worker(place.worker()), ready_worker(place.worker()), ready_worker(place.worker()):
        await place.all_expired(baskets)
        await asyncio.gather(*(place.project(basket) for basket in baskets))

        async def none_is_due() -> bool:
            return not await place.views.due(place.clock(), 100)

        await eventually(none_is_due)

    await place.all_expired(baskets)


async def test_outdated_idempotency_responses_are_deleted(database_url: str) -> None:
    database = DatabasePool(database_url)
    store = PostgresEventStore(database, timeout=2.0, answers_kept=timedelta(milliseconds=1))
    place = Place(database, store, PostgresBasketViews(database), FixedClock())
    for number in range(3):
        await store.store_response(
            IdempotencyKey("acme/initiate", f"key-{number}", b"digest"), RenderedResponse(200, {}, b"{}")
        )

    async with ready_worker(place.worker()):

        async def none_is_left() -> bool:
            async with database.connection() as connection:
                return bool(await connection.fetchval("SELECT count(*) = 0 FROM answers"))

        await eventually(none_is_left)
    await store.close()
    await database.close()


@pytest.mark.parametrize("projected", [True, False], ids=["the view is new", "the view lags"])
async def test_a_basket_that_expires_by_activity_ends_a_lifetime_after_its_last_change(
    place: Place, projected: bool
) -> None:
    by_activity = place.handlers("last_change")
    active = (await by_activity.initiate(initiate(item()), caller())).basket
    await place.project(active)
    place.clock.advance(LIFETIME - SECOND)
    await by_activity.update(update(active.id, add("o-2")), caller())
    if projected:
        await place.project(active)
    witness = await place.basket()
    place.clock.advance(LIFETIME - SECOND)
    async with ready_worker(place.worker()):
        await place.project(active)
        place.clock.advance(SECOND)
        await place.all_expired([witness, active])


async def test_a_cancelled_basket_does_not_expire(place: Place) -> None:
    cancelled, due = await place.basket(), await place.basket()
    await place.handlers().cancel(cancel(cancelled.id), caller())
    place.clock.advance(LIFETIME)
    async with ready_worker(place.worker()):
        await place.all_expired([due])
    assert await place.expiries(cancelled) == []
