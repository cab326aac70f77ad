"""Data for the console: baskets with histories and verdicts, an order, and messages that become dead letters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from adapters.auth.local_issuer import issue_token
from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.messages import Message
from adapters.kafka.topics import AVAILABILITY, COMMANDS, ORDERS
from adapters.settings import Settings
from cli.demo.journeys import next_week_prices, sample_baskets, sample_catalogue
from domain.catalogue.facts import FACT
from tests.basket_traffic import send
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, cookie

SAMPLE = Path(__file__).parents[3] / "cli" / "demo" / "sample"
PARTNERS = ("store-367", "store-356", "store-406")
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
"""A partner may write this into a basket. Pages must show it as text."""


@dataclass
class PlayedBaskets:
    """The ids of all baskets, of the one with the richest history, and of the completed one."""

    baskets: list[str] = field(default_factory=list)
    rich: str = ""
    completed: str = ""


async def play_baskets(service: CheckoutService, *, baskets: int = 8, note: str = HOSTILE) -> PlayedBaskets:
    """Plays so many baskets of each organisation. One of them has the note in its free fields."""
    settings = Settings.model_validate(
        {
            "kafka_bootstrap_servers": service.kafka,
            "kafka_delivery": "at_least_once",
            "database_url": service.database_url,
            "local_issuer_key_file": service.environment["CHECKOUT_LOCAL_ISSUER_KEY_FILE"],
        }
    )
    await _learn(settings, "catalogue.jsonl")
    played = PlayedBaskets()
    for partner in PARTNERS:
        async with _caller(service, settings, partner) as caller:
            for number, basket in enumerate(sample_baskets(partner)[:baskets]):
                played.baskets.append(await _shop(caller, basket, number))
    async with _caller(service, settings, PARTNERS[0]) as caller:
        played.rich = await _rich(caller, settings, note)
    played.baskets.append(played.rich)
    played.completed = played.baskets[0]
    await send(settings, [*_messages(played, note)])
    await _until(settings, LETTERS_WAITING, BURIED)
    return played


FACTS_KNOWN = "SELECT count(*) FROM catalogue_facts"
"""Counts the recorded facts."""

LETTERS_WAITING = "SELECT count(*) FROM dead_letters WHERE settled_at IS NULL"
"""Counts the dead letters that wait."""


async def _learn(settings: Settings, name: str) -> None:
    """Publishes a file of the sample, and waits until the catalogue has recorded it."""
    lines = (SAMPLE / name).read_text(encoding="utf-8").splitlines()
    wanted = await _counted(settings, FACTS_KNOWN) + len(lines)
    await send(settings, [fact_message(FACT.validate_json(line)) for line in lines])
    await _until(settings, FACTS_KNOWN, wanted)


async def _until(settings: Settings, query: str, wanted: int) -> None:
    async def reached() -> bool:
        return await _counted(settings, query) >= wanted

    await eventually(reached, limit=60, every=0.1)


async def _counted(settings: Settings, query: str) -> int:
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        count: int = await connection.fetchval(query)
        return count
    finally:
        await connection.close()


@asynccontextmanager
async def _caller(service: CheckoutService, settings: Settings, partner: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {issue_token(settings, partner=partner)}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield client


def _messages(played: PlayedBaskets, note: str) -> Iterator[Message]:
    """An order, and messages that become dead letters: an order of an unknown basket, an invalid order, an invalid
    fact, and a command that is no JSON."""
    never = "basket-00000000-0000-7000-8000-000000000000"
    yield _message(ORDERS, played.completed, {"basketId": played.completed, "orderId": "order-20260001"})
    yield _message(ORDERS, never, {"basketId": never, "orderId": "order-lost"})
    yield _message(ORDERS, played.rich, {"basketId": played.rich, "order": note})
    yield _message(AVAILABILITY, "SKU-1", {"productCode": "SKU-1", "status": "perhaps", "sequence": 4})
    yield Message(COMMANDS, PARTNERS[0].encode(), b"{this is no JSON", ())


BURIED = 4


def _message(topic: str, key: str, value: object) -> Message:
    return Message(topic, key.encode(), json.dumps(value).encode(), ())


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


async def _rich(caller: httpx.AsyncClient, settings: Settings, note: str) -> str:
    """A basket that changes often, and is validated before and after prices change."""
    items = _items()
    order = {
        "external_id": "EXT-2026-11-24",
        "country": "US",
        "currency": "USD",
        "source": note,
        "order_type": "new",
        "orderItems": items[:5],
        "tracking": {"campaign": "autumn", "session": "a81f"},
        "customFields": {"note": note, "gift": False},
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
    await _learn(settings, "next-week.jsonl")
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    changed = {**order, "order_type": "change", "checkoutId": basket_id, "orderItems": items[:3]}
    changed["tracking"] = {"campaign": "winter", "session": "a81f", "referrer": "mail"}
    await _call(caller, "POST", "/partner/checkout/initiate", {"order": changed})
    await _call(caller, "POST", f"/partner/checkout/validate/{basket_id}")
    return basket_id


def _items() -> list[dict[str, Any]]:
    """Lines of the sample: some with a blocked or short product, some with a new price next week."""
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
