"""Measures how many open baskets a second `checkout validate --what-if` validates.

    python -m benchmarks.what_if [BASKETS] [LINES]

Fills an embedded PostgreSQL with open baskets, with their events and views. Then it asks what would happen if one product
in ten were blocked, and if every price changed, so that every basket is touched.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from uuid_utils import uuid7

from adapters.container import Container, open_operator_container
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.settings import Settings
from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import encode
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import Fact
from domain.ports.event_store import Append, NewEvent
from domain.shared.values import MessageSource
from tests.builders import availability, details, line, money, offer, price
from tests.servers.postgres import postgres_folder

OFFERS = 5_000
BATCH = 500
METADATA = b'{"partner":"acme","actor":"benchmark"}'


def known_facts() -> list[Fact]:
    return [
        fact
        for number in range(OFFERS)
        for fact in (
            offer(f"o-{number}", products=[f"SKU-{number}"]),
            price(f"o-{number}", "1.00"),
            availability(f"SKU-{number}"),
        )
    ]


def blocked_products() -> list[Fact]:
    """Availability of all products, one in ten blocked."""
    return [
        availability(f"SKU-{number}", status="available" if number % 10 else "blocked", sequence=2)
        for number in range(OFFERS)
    ]


def changed_prices() -> list[Fact]:
    return [price(f"o-{number}", "2.00", sequence=2) for number in range(OFFERS)]


def open_basket(lines: int, chance: random.Random) -> Basket:
    now = datetime.now(UTC)
    id, expires_at = f"basket-{uuid7()}", now + timedelta(days=14)
    basket = Basket.initiate(id=id, partner="acme", details=details(), now=now, expires_at=expires_at)
    for number in chance.sample(range(OFFERS), lines):
        item = line(str(uuid7()), f"o-{number}", price=money("1.00"), products=[f"SKU-{number}"])
        basket.add_item(item, now)
    return basket


async def fill(container: Container, baskets: int, lines: int) -> None:
    chance = random.Random(1)
    messages = [FactMessage(fact, MessageSource("benchmark", 0, at)) for at, fact in enumerate(known_facts())]
    await container.catalogue.record(messages)
    for start in range(0, baskets, BATCH):
        batch = [open_basket(lines, chance) for _ in range(min(BATCH, baskets - start))]
        appends = [
            Append(basket.id, 0, [NewEvent(each.TOPIC, encode(each), METADATA) for each in basket.collect()])
            for basket in batch
        ]
        await asyncio.gather(*map(container.event_store.append, appends))
        await container.basket_views.advance([(0, to_view(basket)) for basket in batch])
    async with container.database.connection() as connection:
        await connection.execute("VACUUM ANALYZE", timeout=120)


async def main(baskets: int = 20_000, lines: int = 8) -> None:
    with postgres_folder() as folder, tempfile.TemporaryDirectory() as temporary:
        async with EmbeddedPostgres(folder, ephemeral=True) as server:
            os.environ["CHECKOUT_DATABASE_URL"] = server.url
            await migrate(server.url)
            began = time.monotonic()
            async with open_operator_container(Settings()) as container:
                await fill(container, baskets, lines)
            print(f"{baskets:,} baskets of {lines} lines filled in {time.monotonic() - began:.1f} s")
            for name, facts in (
                ("one product in ten blocked", blocked_products()),
                ("every price changed", [*changed_prices(), *blocked_products()]),
                ("one product blocked", blocked_products()[:1]),
            ):
                file = Path(temporary) / "facts.jsonl"
                file.write_text("".join(f"{fact.model_dump_json(by_alias=True)}\n" for fact in facts))
                await what_if(name, file)


async def what_if(name: str, facts: Path) -> None:
    began, before = time.monotonic(), os.times()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "validate", "--what-if", str(facts), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    report = json.loads(output)
    seconds, after = time.monotonic() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(
        f"{name}: {report['judged']:,} validated in {report['seconds']:.1f} s, "
        f"{report['judged'] / report['seconds']:,.0f} a second ({seconds:.1f} s with the start, {cpu:.1f} s of CPU "
        f"without PostgreSQL's); {report['becomesNotReady']:,} become not ready {report['byCode']}"
    )


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:3])))
