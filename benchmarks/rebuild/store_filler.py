"""Fills a store with real baskets: their events, and their views as a projector writes them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from rich.progress import track

from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from benchmarks.journey.catalogue import CURRENCY, VERSION, availability_row, offer_row, price_row
from benchmarks.journey.dataset import baskets as real_baskets
from benchmarks.journey.records import GroceryBasket as RealBasket
from benchmarks.journey.records import GroceryLine, offer_id, product_code
from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import encode
from domain.basket.events import BasketDetails, OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import FACT, Fact
from domain.ports.event_store import Append, NewEvent
from domain.shared.money import Price
from domain.shared.values import LineOffer, Product
from domain.validation.validate import NO_POLICY_TERMS, validate_basket

BATCH_BASKETS = 500
BEGAN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
EVENTS_PER_BASKET = 10
METADATA = (
    b'{"partner":"store","actor":"benchmark","correlationId":"019a0000-0000-7000-8000-000000000000",'
    b'"causationId":"019a0000-0000-7000-8000-000000000000",'
    b'"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}'
)


async def fill(database: DatabasePool, count: int) -> None:
    """Adds real baskets of about ten events until there are `count`: initiated, lines added and changed, validated, and
    every other one completed. Goes on where an interrupted run ended."""
    views = PostgresBasketViews(database)
    async with (
        database.connection() as connection,
        PostgresEventStore(database, timeout=120, answers_kept=timedelta(days=1)) as store,
    ):
        done = int(await connection.fetchval("SELECT count(*) FROM basket_views"))
        if done >= count:
            return
        # Nothing here has cycles.
        gc.disable()
        batches = list(range(done - done % BATCH_BASKETS, count, BATCH_BASKETS))
        real = real_baskets(20, 10 * count)
        for start in track(batches, "filling"):
            numbers = range(start, min(start + BATCH_BASKETS, count))
            # Where the data has fewer baskets, the first ones come again.
            made = [made_basket(number, real[number % len(real)]) for number in numbers]
            appends = [
                Append(
                    basket.id,
                    0,
                    [NewEvent(event.TOPIC, encode(event), METADATA) for event in basket.collect()],
                )
                for basket in made
            ]
            await asyncio.gather(*(store.append(append) for append in appends))
            await views.advance([(0, to_view(basket)) for basket in made])
        gc.enable()
        await connection.execute("VACUUM ANALYZE", timeout=600)


def made_basket(number: int, real: RealBasket, at: datetime | None = None) -> Basket:
    """A basket whose events are not collected yet. The same number, real basket and time give the same events."""
    # Ids in the order of time, as the service makes them, and equal in every run.
    at = at or BEGAN + timedelta(seconds=number)
    milliseconds = int(at.timestamp() * 1000)
    id = UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number)
    basket = Basket.initiate(
        id=f"basket-{id}",
        partner=real.partner,
        details=BasketDetails(external_id=str(real.id), country="US", currency=CURRENCY, source="benchmark"),
        now=at,
        expires_at=at + timedelta(days=365),
    )
    lines = real.lines[: EVENTS_PER_BASKET + 10]
    for nth, line in enumerate(lines):
        basket.add_item(_item(UUID(int=id.int + 1 + nth), line), at)
    at += timedelta(seconds=30, microseconds=number % 1_000_000)
    for nth, item in enumerate([*basket.items]):
        if basket.version >= EVENTS_PER_BASKET - 2 or nth >= len(lines):
            break
        basket.change_quantity(item, basket.items[item].quantity + 1, at)
    verdict = validate_basket(basket, Catalogue(_facts_about(lines)), at, defaults=NO_POLICY_TERMS)
    basket.record_verdict(verdict, at, 1)
    if number % 2:
        basket.complete(f"order-{number}", at + timedelta(minutes=1))
    return basket


def _item(id: UUID, line: GroceryLine) -> OrderItem:
    code = product_code(line.product)
    return OrderItem(
        id=str(id),
        type="offer",
        quantity=line.quantity,
        offer=LineOffer(
            id=offer_id(line.product),
            version=VERSION,
            name=f"Product {line.product}",
            path=f"/offers/{line.product}",
            products=(Product(product_code=code, path=f"/products/{line.product}"),),
        ),
        price=Price.model_validate({"amount": _amount(line.product), "currency": CURRENCY}),
    )


def _facts_about(lines: Sequence[GroceryLine]) -> Iterator[Fact]:
    for line in lines:
        yield from _facts(line.product)


@cache
def _facts(product: int) -> tuple[Fact, ...]:
    # One product in eight is scarce, so that verdicts have findings.
    quantity = 2 if product % 8 == 0 else 500
    rows = (
        offer_row(product, f"Product {product}"),
        price_row(product, _amount(product)),
        availability_row(product, quantity=quantity),
    )
    return tuple(FACT.validate_python(row) for row in rows)


def _amount(product: int) -> str:
    return f"{1 + product % 20}.{product % 100:02d}"
