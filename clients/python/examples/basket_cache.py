"""A cache of all baskets, and a question to it. `eval $(checkout env)`, then: basket_cache.py [STATUS [OFFER_ID]]."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

from checkout_client.kafka import KafkaConnection, StateReader
from checkout_client.models.answers import Basket


@dataclass(frozen=True, slots=True)
class CachedBasket:
    """What the cache keeps of a basket: no personal data."""

    status: str
    version: int
    total: str
    offer_ids: frozenset[str]


def keep(basket: Basket) -> CachedBasket:
    order = basket.order
    total = "no single total" if order.total is None else f"{order.total.amount} {order.total.currency}"
    return CachedBasket(order.status, order.version, total, frozenset(item.offer.id for item in order.order_items))


async def main(status: str = "open", offer_id: str | None = None) -> None:
    async with StateReader(KafkaConnection.from_environment(), keep=keep) as baskets:
        await baskets.ready()
        # From here on the mapping follows the topic, as long as the block lasts.
        for basket_id, basket in baskets.items():
            if basket.status == status and (offer_id is None or offer_id in basket.offer_ids):
                print(f"{basket_id} version {basket.version}: {basket.total}")
        print(f"{len(baskets)} baskets are known")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
