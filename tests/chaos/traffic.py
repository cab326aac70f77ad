"""Callers over HTTP, a gateway that queues commands, and an order service, all at work on the same baskets."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from confluent_kafka import Producer

from tests.service.checkout_process import add, cookie, line, order_of

PARTNER = "chaos-partner"
OFFERS = ("o-1", "o-2", "o-3", "o-monthly", "o-unknown")
RETRY_SECONDS = 0.2
GIVE_UP_SECONDS = 120.0


def catalogue() -> str:
    """The facts that baskets are judged by, one a line."""
    facts: list[dict[str, Any]] = []
    for offer_id, amount, interval in (
        ("o-1", "10.00", None),
        ("o-2", "0.335", None),
        ("o-3", "7.5", None),
        ("o-monthly", "3.99", "P1M"),
    ):
        product = f"SKU-{offer_id}"
        facts += [
            {
                "kind": "offer",
                "id": offer_id,
                "version": "v-1",
                "name": offer_id,
                "path": f"/offers/{offer_id}",
                "products": [{"productCode": product, "path": f"/products/{product}"}],
                "status": "published",
                "sequence": 1,
            },
            {
                "kind": "price",
                "offerId": offer_id,
                "offerVersion": "v-1",
                "currency": "GBP",
                "amount": amount,
                "interval": interval,
                "sequence": 1,
            },
            {"kind": "availability", "productCode": product, "status": "available", "quantity": 50, "sequence": 1},
        ]
    return "\n".join(json.dumps(fact) for fact in facts)


@dataclass(slots=True)
class Journal:
    """What was acknowledged and sent, and which answers were wrong."""

    versions: dict[str, int] = field(default_factory=dict)
    """The last acknowledged version of each basket."""
    commands: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    nonsense: int = 0
    """Messages that nobody can understand."""
    undelivered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    calls: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    """Why calls were sent again."""


class KafkaSender:
    """Sends each message once, as an idempotent producer does, also past restarts of the broker."""

    def __init__(self, servers: str, journal: Journal) -> None:
        self._journal = journal
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                # The broker is missed for a while, which is no news.
                "log_level": 2,
                "enable.idempotence": True,
                "delivery.timeout.ms": 120_000,
                "linger.ms": 5,
            }
        )

    def command(self, type: str, basket_id: str, body: Mapping[str, Any] | None) -> None:
        id = f"c-{uuid.uuid4()}"
        self._journal.commands.append(id)
        headers = {
            "ce_specversion": "1.0",
            "ce_id": id,
            "ce_source": "/gateway",
            "ce_type": f"checkout.{type}-basket.v1",
            "ce_partnerorg": PARTNER,
            "ce_subject": basket_id,
        }
        self._send("checkout.commands.v1", basket_id, body, headers)

    def report(self, basket_id: str, order_id: str, status: str) -> None:
        id = f"r-{uuid.uuid4()}"
        self._journal.reports.append(id)
        headers = {"ce_specversion": "1.0", "ce_id": id, "ce_source": "/orders", "ce_type": "org.example.order.v1"}
        self._send("checkout.orders.v1", basket_id, {"orderId": order_id, "status": status}, headers)

    def nonsense(self) -> None:
        """A report without an order, and a command without an id."""
        self._journal.nonsense += 2
        self._send("checkout.orders.v1", "nonsense", {}, {})
        self._send("checkout.commands.v1", "nonsense", {}, {"ce_type": "checkout.initiate-basket.v1"})

    def flush(self) -> None:
        self._producer.flush(120)

    def _send(self, topic: str, key: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> None:
        value = json.dumps(body).encode() if body is not None else None
        self._producer.produce(topic, value, key, headers=dict(headers), on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self._journal.undelivered.append(str(error))


class ChaosCaller:
    """Fills one basket after the other. A call without an answer is sent again with the same key."""

    def __init__(
        self, client: httpx.AsyncClient, sender: KafkaSender, journal: Journal, dice: random.Random, pause: float
    ) -> None:
        self._client = client
        self._sender = sender
        self._journal = journal
        self._dice = dice
        self._pause = pause

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._fill_a_basket()
            except (AssertionError, LookupError) as error:
                self._journal.wrong.append(repr(error)[:400])

    async def _fill_a_basket(self) -> None:
        dice = self._dice
        lines = [line(offer, dice.randint(1, 3)) for offer in dice.sample(OFFERS, dice.randint(1, 3))]
        details = {"external_id": f"E-{uuid.uuid4()}", "customerDetails": {"firstName": "Ada"}}
        begun = await self._call("POST", "/partner/checkout/initiate", order_of(*lines, **details))
        basket_id: str = begun.json()["id"]
        self._acknowledge(basket_id, begun)
        order = (await self._call("GET", f"/partner/checkout/{basket_id}")).json()["order"]
        for _ in range(dice.randint(1, 4)):
            actions = self._actions(order["orderItems"])
            updated = await self._call(
                "PUT", "/partner/checkout/update", {"orderItemActions": actions}, cookie(basket_id)
            )
            self._acknowledge(basket_id, updated)
            order = updated.json()["order"]
        if dice.random() < 0.5:
            self._sender.command("update", basket_id, {"orderItemActions": [add(dice.choice(OFFERS))]})
            self._sender.command("validate", basket_id, None)
        judged = await self._call("POST", f"/partner/checkout/validate/{basket_id}")
        self._acknowledge(basket_id, judged)
        assert judged.json()["id"] == basket_id
        match dice.randrange(4):
            case 0:
                self._sender.report(basket_id, f"order-{basket_id}", "placed")
                if dice.random() < 0.3:
                    self._sender.report(basket_id, f"order-{basket_id}", "rejected")
            case 1:
                ended = await self._call("POST", f"/partner/checkout/cancel/{basket_id}", {"reason": {"code": "left"}})
                self._acknowledge(basket_id, ended)
            case 2 if dice.random() < 0.1:
                self._sender.nonsense()
        await asyncio.sleep(self._pause * dice.random())

    def _actions(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One to three actions that are allowed together."""
        dice = self._dice
        actions: list[dict[str, Any]] = [add(dice.choice(OFFERS), dice.randint(1, 2))]
        if lines and dice.random() < 0.5:
            change = {"orderItemActionType": "change_quantity", "id": lines[0]["id"], "quantity": dice.randint(1, 9)}
            actions.append(change)
        if dice.random() < 0.3:
            details = {"order": {"source": f"shop {dice.randrange(9)}", "tracking": {"step": dice.randrange(99)}}}
            actions.append({"orderItemActionType": "update_details", **details})
        if dice.random() < 0.1:
            actions.insert(0, {"orderItemActionType": "clear"})
            actions = [each for each in actions if each["orderItemActionType"] != "change_quantity"]
        return actions

    def _acknowledge(self, basket_id: str, answer: httpx.Response) -> None:
        version = int(answer.headers["ETag"].strip('"'))
        self._journal.versions[basket_id] = max(version, self._journal.versions.get(basket_id, 0))

    async def _call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer 200. Sends the call again while the service or its store is away."""
        key = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while True:
                self._journal.calls += 1
                try:
                    answer = await self._client.request(method, path, json=body, headers={**(headers or {}), **key})
                except httpx.TransportError as error:
                    self._journal.retried[type(error).__name__] += 1
                else:
                    if answer.status_code == 200:
                        return answer
                    retry = answer.status_code == 503 or "in_progress" in answer.text
                    assert retry, f"{method} {path} → {answer.status_code} {answer.text[:300]}"
                    self._journal.retried[str(answer.status_code)] += 1
                await asyncio.sleep(RETRY_SECONDS)
