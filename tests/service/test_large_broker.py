"""The embedded broker keeps every message in memory, so it is restarted before it holds too much."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import psutil

from adapters.kafka.messages import Message
from adapters.kafka.topics import DEAD_LETTERS
from adapters.settings import Settings
from tests.basket_traffic import send
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, line, order_of, running_service

MOST_MEGABYTES = 64


def broker_of(service: CheckoutService) -> psutil.Process:
    """The broker is the child of `checkout up` that is neither Python nor PostgreSQL."""
    return next(
        child
        for child in psutil.Process(service.pid).children()
        if child.name().startswith("tansu") and child.status() != psutil.STATUS_ZOMBIE
    )


async def test_a_full_broker_is_restarted_and_the_service_continues(tmp_path: Path) -> None:
    limit = {
        "CHECKOUT_EMBEDDED_BROKER_MEGABYTES": str(MOST_MEGABYTES),
        "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
    }
    async with running_service(tmp_path, "--ephemeral", **limit) as service:
        settings = Settings.model_validate(
            {"kafka_bootstrap_servers": service.kafka, "kafka_delivery": "at_least_once"}
        )
        async with service.caller("store-367") as caller:
            early = await caller.post("/partner/checkout/initiate", json=order_of(line("o-1")))
            assert early.status_code == 200
            first = broker_of(service)
            filling = [Message(DEAD_LETTERS, uuid.uuid4().bytes, b"x" * 1000, ()) for _ in range(2_000)]
            for _ in range(40):
                await send(settings, filling)
                if first.memory_info().rss > MOST_MEGABYTES * 1024 * 1024:
                    break
            await eventually(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, limit=120)

            # Calls are answered meanwhile; their events are published once the workers are back.
            late = await caller.post("/partner/checkout/initiate", json=order_of(line("o-2")))
            assert late.status_code == 200

        async def views_are_right() -> bool:
            found = json.loads(await service.command("find", "--json", "--limit", "5"))
            return {early.json()["id"], late.json()["id"]} <= {each["basketId"] for each in found["baskets"]}

        await eventually(views_are_right, limit=120, every=0.5)
        assert broker_of(service).memory_info().rss < MOST_MEGABYTES * 1024 * 1024
        # Verify does not miss earlier messages, and later ones are in the topics.
        await service.command("verify", "--all")
