"""How many open baskets a second `checkout validate --what-if` judges.

    python -m benchmarks.what_if [BASKETS] [LINES]

Fills an embedded PostgreSQL with open baskets, each with its events and its view, and asks what would be if
one product in ten were blocked, and every price said anew, so that every basket is touched.
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

from uuid_utils import uuid7

from adapters.container import Container, open_container
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.settings import Settings
from domain.basket.basket import Basket
from domain.basket.codec import encode
from domain.basket.events import BasketDetails, OrderItem
from domain.basket.projection import to_view
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import FACT, Fact
from domain.ports.event_store import Append, NewEvent
from domain.shared.values import LineOffer, MessageSource, Money, Product
from tests.servers.postgres import postgres_folder

OFFERS = 5_000
BATCH = 500
METADATA = b'{"partner":"acme","actor":"benchmark"}'


def facts(sequence: int, amount: str) -> list[Fact]:
    said: list[dict[str, object]] = []
    for number in range(OFFERS):
        id, code = f"o-{number}", f"SKU-{number}"
        if sequence == 1:
            products = [{"productCode": code, "path": f"/products/{code}"}]
            said.append(
                {
                    "kind": "offer",
                    "id": id,
                    "version": "v-1",
                    "name": f"Offer {number}",
                    "path": f"/offers/{id}",
                    "products": products,
                    "status": "published",
                    "sequence": 1,
                }
            )
        said.append(
            {
                "kind": "price",
                "offerId": id,
                "offerVersion": "v-1",
                "currency": "GBP",
                "amount": amount,
                "sequence": sequence,
            }
        )
        status = "blocked" if sequence > 1 and number % 10 == 0 else "available"
        said.append({"kind": "availability", "productCode": code, "status": status, "sequence": sequence})
    return [FACT.validate_python(each) for each in said]


def a_basket(lines: int, chance: random.Random) -> Basket:
    now = datetime.now(UTC)
    basket = Basket.initiate(
        id=f"basket-{uuid7()}",
        partner="acme",
        details=BasketDetails(country="GB", currency="GBP"),
        now=now,
        expires_at=now + timedelta(days=14),
    )
    for number in chance.sample(range(OFFERS), lines):
        code = f"SKU-{number}"
        offer = LineOffer(
            id=f"o-{number}",
            version="v-1",
            name=f"Offer {number}",
            path=f"/offers/o-{number}",
            products=(Product(product_code=code, path=f"/products/{code}"),),
        )
        price = Money.model_validate({"amount": "1.00", "currency": "GBP"})
        basket.add_item(OrderItem(id=str(uuid7()), type="offer", quantity=1, offer=offer, price=price), now)
    return basket


async def fill(parts: Container, baskets: int, lines: int) -> None:
    chance = random.Random(1)
    await parts.facts.learn(
        [FactMessage(fact, MessageSource("benchmark", 0, at)) for at, fact in enumerate(facts(1, "1.00"))]
    )
    for start in range(0, baskets, BATCH):
        made = [a_basket(lines, chance) for _ in range(min(BATCH, baskets - start))]
        appends = [
            Append(
                basket.id, 0, [NewEvent(event.TOPIC, encode(event), METADATA) for event in basket.collect()]
            )
            for basket in made
        ]
        await asyncio.gather(*(parts.store.append(append) for append in appends))
        await parts.views.advance([(0, to_view(basket)) for basket in made])
    async with parts.database.connection() as connection:
        await connection.execute("VACUUM ANALYZE", timeout=120)


async def main(baskets: int, lines: int) -> None:
    with postgres_folder() as folder, tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        async with EmbeddedPostgres(folder, ephemeral=True) as server:
            os.environ["CHECKOUT_DATABASE_URL"] = server.url
            await migrate(server.url)
            began = time.monotonic()
            async with open_container(Settings()) as parts:
                await fill(parts, baskets, lines)
            print(f"{baskets:,} baskets of {lines} lines filled in {time.monotonic() - began:.1f} s")
            for name, supposed in (
                ("one product in ten blocked", [fact for fact in facts(2, "1.00") if fact.kind != "price"]),
                ("every price changed", facts(2, "2.00")),
                ("one product blocked", [fact for fact in facts(2, "1.00") if fact.kind != "price"][:1]),
            ):
                file.seek(0)
                file.truncate()
                file.writelines(fact.model_dump_json(by_alias=True).encode() + b"\n" for fact in supposed)
                file.flush()
                await ask(name, file.name)


async def ask(name: str, path: str) -> None:
    began, before = time.monotonic(), os.times()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli",
        "validate",
        "--what-if",
        str(path),
        "--json",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    said = json.loads(out)
    whole = time.monotonic() - began
    after = os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    rate = said["judged"] / said["seconds"]
    print(
        f"{name}: {said['judged']:,} judged in {said['seconds']:.1f} s, {rate:,.0f} a second "
        f"({whole:.1f} s with the start, {worked:.1f} s of CPU without PostgreSQL's); {said['becomesNotReady']:,} become not ready {said['byCode']}"
    )


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*([*given, *(20_000, 8)[len(given) :]][:2])))
