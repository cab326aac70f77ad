"""Something to look at: baskets of the sample with a history, verdicts before and after prices changed, an order,
and messages that nobody understands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from operations.demo.story import next_week_prices, sample_baskets, sample_catalogue
from tests.parts.waiting import eventually
from tests.service.running import Service, cookie

SAMPLE = Path(__file__).parent.parent.parent / "operations" / "sample"
PARTNERS = ("store-367", "store-356", "store-406")
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
"""What a partner may write into a basket; pages must show it as the text that it is."""

ORDERS, AVAILABILITY, COMMANDS = "checkout.orders.v1", "catalogue.availability.v1", "checkout.commands.v1"


@dataclass
class Played:
    """What came of it: the ids of all baskets, and of the one with the richest history."""

    baskets: list[str] = field(default_factory=list)
    rich: str = ""
    completed: str = ""


async def play(service: Service, *, baskets: int = 8, letters: bool = True) -> Played:
    """Plays `baskets` baskets of each organisation."""
    await service.command("catalogue", "load", str(SAMPLE / "catalogue.jsonl"), "--wait")
    played = Played()
    for partner in PARTNERS:
        async with service.caller(partner) as caller:
            for number, basket in enumerate(sample_baskets(partner)[:baskets]):
                played.baskets.append(await _shop(caller, basket, number))
    async with service.caller(PARTNERS[0]) as caller:
        played.rich = await _rich(service, caller)
    played.baskets.append(played.rich)
    played.completed = played.baskets[0]
    async with _producer(service) as send:
        await send(ORDERS, played.completed, {"basketId": played.completed, "orderId": "order-20260001"})
        if letters:
            await _bury(send, played.rich)
    if letters:
        await eventually(lambda: _buried(service), limit=30)
    return played


async def _shop(caller: httpx.AsyncClient, basket: Mapping[str, Any], number: int) -> str:
    order = {
        "external_id": basket["external_id"],
        "country": "US",
        "currency": "USD",
        "source": "web" if number % 2 else "app",
        "order_type": "new",
        "orderItems": basket["orderItems"][:9],
    }
    basket_id = await _call(caller, "POST", "/partner/checkout/initiate", {"order": order})
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    return basket_id


async def _rich(service: Service, caller: httpx.AsyncClient) -> str:
    """A basket that changes often, and is judged before and after prices changed."""
    items = _items()
    order = {
        "external_id": "EXT-2026-11-24",
        "country": "US",
        "currency": "USD",
        "source": HOSTILE,
        "order_type": "new",
        "orderItems": items[:5],
        "tracking": {"campaign": "autumn", "session": "a81f"},
        "customFields": {"note": HOSTILE, "gift": False},
    }
    basket_id = await _call(caller, "POST", "/partner/checkout/initiate", {"order": order})
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    lines = (await caller.get(f"/partner/checkout/{basket_id}")).json()["order"]["orderItems"]
    await _update(
        caller,
        basket_id,
        {"orderItemActionType": "change_quantity", "id": lines[0]["id"], "quantity": 4},
        {"orderItemActionType": "remove", "id": lines[1]["id"]},
    )
    await _update(caller, basket_id, *({"orderItemActionType": "add", **item} for item in items[5:8]))
    await service.command("catalogue", "load", str(SAMPLE / "next-week.jsonl"), "--wait")
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    changed = {**order, "order_type": "change", "checkoutId": basket_id, "orderItems": items[:3]}
    changed["tracking"] = {"campaign": "winter", "session": "a81f", "referrer": "mail"}
    await _call(caller, "POST", "/partner/checkout/initiate", {"order": changed})
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    return basket_id


def _items() -> list[dict[str, Any]]:
    """Lines of the sample: some whose product is blocked or short, some whose price changes next week."""
    lines = [item for basket in sample_baskets(PARTNERS[0]) for item in basket["orderItems"]]
    facts, changing = sample_catalogue(), next_week_prices()
    offers = {item["offer"]["id"]: item for item in lines}

    def available(offer: str) -> bool:
        return bool(facts[offer.replace("o-", "SKU-")]["status"] == "available")

    changes = [item for offer, item in offers.items() if offer in changing and available(offer)]
    refused = [item for offer, item in offers.items() if not available(offer)]
    plain = [item for offer, item in offers.items() if offer not in changing and available(offer)]
    return [*changes[:2], plain[0], refused[0], *plain[1:8]]


async def _update(caller: httpx.AsyncClient, basket_id: str, *actions: Mapping[str, Any]) -> None:
    body = {"orderItemActions": [*actions]}
    await _call(caller, "PUT", "/partner/checkout/update", body, cookie(basket_id))


async def _call(
    caller: httpx.AsyncClient,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    answer = await caller.request(method, path, json=body, headers=headers)
    assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text[:500]}"
    id: str = answer.json()["id"]
    return id


class _producer:  # noqa: N801  used as a function
    """Sends messages as a partner's system would."""

    def __init__(self, service: Service) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=service.kafka, acks="all")

    async def __aenter__(self) -> Any:
        await self._producer.start()
        return self._send

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def _send(self, topic: str, key: str, value: object) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self._producer.send_and_wait(topic, key=key.encode(), value=content)


async def _bury(send: Any, basket_id: str) -> None:
    """An order for a basket that never was, a fact that is none, and a command that is no JSON."""
    never = "basket-00000000-0000-7000-8000-000000000000"
    await send(ORDERS, never, {"basketId": never, "orderId": "order-lost"})
    await send(ORDERS, basket_id, {"basketId": basket_id, "order": HOSTILE})
    await send(AVAILABILITY, "SKU-1", {"productCode": "SKU-1", "status": "perhaps", "sequence": 4})
    await send(COMMANDS, PARTNERS[0], b"{this is no JSON")


async def _buried(service: Service) -> bool:
    counted = json.loads(await service.command("dead-letters", "list", "--json"))
    await asyncio.sleep(0)
    return len(counted["letters"]) >= 4
