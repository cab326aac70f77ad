"""A whole journey in which every process signs in to the database with its own role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from adapters.embedded.processes import free_port
from adapters.postgres.roles import ROLES, Role
from cli.supervisor import until_ready
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import Databases
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, add, cookie, line, order_of
from tests.service.conftest import SAMPLE
from tests.service.event_records import Events, published_events, stored_events

PASSWORD = "of-the-journey"

SIGNED_IN = """
SELECT array_agg(DISTINCT usename::text) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
"""


@dataclass
class Deployment:
    """The processes of a deployment. `service` holds the environment of operators' commands."""

    service: CheckoutService
    administrator_url: str
    prefix: str


@pytest.fixture(scope="module")
async def deployment(
    databases: Databases, module_kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("deployment")
    empty, prefix = await databases.empty(), f"t_{uuid4().hex[:12]}"
    port, health_port = free_port(), free_port()

    def url(role: Role) -> str:
        server = urlsplit(empty)
        return server._replace(netloc=f"{prefix}_{role}:{PASSWORD}@{server.netloc.rpartition('@')[2]}").geturl()

    shared = {
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": module_kafka.bootstrap_servers,
        "CHECKOUT_KAFKA_DELIVERY": "exactly_once" if module_kafka.transactions else "at_least_once",
        "CHECKOUT_KAFKA_REPLICATION_FACTOR": "1",
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "issuer-key.pem"),
        "CHECKOUT_DATA_KEY_FILE": str(folder / "data-key"),
        "CHECKOUT_LANDING_COOKIE_SECURE": "false",
        "CHECKOUT_EXPIRY_INTERVAL": "0.2",
        "CHECKOUT_REVALIDATOR": "true",
        "CHECKOUT_PORT": str(port),
        "CHECKOUT_HEALTH_PORT": str(health_port),
    }

    def program(database: str, *arguments: str, **more: str) -> Program:
        return Program("-m", "cli", *arguments, environment={**shared, "CHECKOUT_DATABASE_URL": database, **more})

    async def job(database: str, *arguments: str, **more: str) -> None:
        async with program(database, *arguments, **more) as started:
            assert await started.end(120) == 0, await started.errors()

    await job(empty, "data-keys", "new")
    passwords = json.dumps(dict.fromkeys(ROLES, PASSWORD))
    await job(
        empty,
        *("migrate", "--roles", "--role-prefix", prefix),
        CHECKOUT_DATABASE_ROLE_PASSWORDS=passwords,
    )
    await job(url("owner"), "migrate")
    async with AsyncExitStack() as stack:
        for each in (
            program(url("api"), "serve", CHECKOUT_OPERATOR_DATABASE_URL=url("operator")),
            program(url("worker"), "work", "all"),
        ):
            await stack.enter_async_context(drained(each))
        await until_ready(port, 120)
        await until_ready(health_port, 120)
        environment = {**shared, "CHECKOUT_DATABASE_URL": url("operator")}
        address = f"http://127.0.0.1:{port}"
        yield Deployment(
            CheckoutService(address, url("operator"), module_kafka.bootstrap_servers, 0, environment),
            empty,
            prefix,
        )
    await databases.drop(empty)
    administrator = await asyncpg.connect(databases.signed_in(empty, None).rpartition("/")[0] + "/postgres")
    for role in ROLES:
        await administrator.execute(f"DROP ROLE {prefix}_{role}")
    await administrator.close()


@asynccontextmanager
async def drained(program: Program) -> AsyncIterator[None]:
    """Runs the program during the block and discards its output, because a full pipe would stop it."""
    async with program:
        reading = asyncio.create_task(program.errors())
        try:
            yield
        finally:
            await program.stop(limit=30)
            await reading


@pytest.mark.timeout(600)
async def test_partners_workers_and_operators_can_do_their_work_with_their_rights(
    deployment: Deployment,
) -> None:
    service = deployment.service
    await service.command("catalogue", "load", str(SAMPLE / "catalogue.jsonl"), "--wait")
    async with service.caller("acme") as client:
        basket_id = await a_basket(client, external_id="EXT-1", dataSubject="p-1", customFields={"a": "b"})
        other = await a_basket(client, external_id="EXT-2")
        verdict = (await client.post(f"/partner/checkout/validate/{basket_id}")).json()
        assert verdict["id"] == basket_id
        await orders(service, other)

        async def completed() -> bool:
            order = (await client.get(f"/partner/checkout/{other}")).json()["order"]
            return bool(order["status"] == "completed")

        await eventually(completed, limit=60)

    # Workers publish, project and report.
    stored = await stored_events(service.database_url)
    published = await published_events(service.kafka, sum(map(len, stored.values())))
    # Personal data is encrypted in the store only.
    assert versions(published) == versions(stored)
    await command(service, "find", "--json", "--external-id", "EXT-1", holds=basket_id)
    await command(service, "status", "--json", "--max-lag-seconds", "60", holds='"roles"')

    # Operators use the command line and the API.
    why = ("--reason", "a journey")
    await service.command("history", basket_id)
    await service.command("verify", "--all", "--no-kafka")
    for target in ("basket-views", "catalogue"):
        await service.command("rebuild", target, *why)
        await service.command("rebuild", target, "--roll-back", *why)
    async with await operator(service) as client:
        begun = await client.post("/operations/rebuilds", json={"target": "basket-views", "reason": "a journey"})
        assert begun.status_code < 300, begun.text

        async def rebuilt() -> bool:
            states = (await client.get("/operations/rebuilds")).json()["rebuilds"]
            return bool(states[0]["state"] == "switched")

        await eventually(rebuilt, limit=60)
        told = {"reason": "she asked", "confirm": basket_id}
        forgotten = await client.post(f"/operations/baskets/{basket_id}/forget", json=told)
        assert forgotten.status_code == 200, forgotten.text
        assert forgotten.json()["keysDestroyed"] == 1

    # Partners and workers continue on the generation that operators built.
    async with service.caller("acme") as client:
        basket_id = await a_basket(client, external_id="EXT-3")
    await command(service, "find", "--json", "--external-id", "EXT-3", holds=basket_id)

    await dead_letters(service)
    signed_in = await ask(deployment.administrator_url, SIGNED_IN)
    assert {f"{deployment.prefix}_api", f"{deployment.prefix}_worker"} <= set(signed_in)
    assert all(user.startswith(deployment.prefix) for user in signed_in)


def versions(events: Events) -> dict[str, list[int]]:
    return {basket_id: [version for version, _ in each] for basket_id, each in events.items()}


async def a_basket(client: httpx.AsyncClient, **details: Any) -> str:
    keyed = {"Idempotency-Key": uuid4().hex}
    begun = await client.post("/partner/checkout/initiate", json=order_of(line("o-1"), **details), headers=keyed)
    assert begun.status_code == 200, begun.text
    again = await client.post("/partner/checkout/initiate", json=order_of(line("o-1"), **details), headers=keyed)
    assert again.headers["Idempotent-Replayed"] == "true"
    basket_id = str(begun.json()["id"])
    changed = await client.put(
        "/partner/checkout/update", json={"orderItemActions": [add("o-2")]}, headers=cookie(basket_id)
    )
    assert changed.status_code == 200, changed.text
    return basket_id


async def operator(service: CheckoutService) -> httpx.AsyncClient:
    token = (await service.command("token", "--scope", "operator", "--subject", "ann")).strip()
    return httpx.AsyncClient(base_url=service.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


async def command(service: CheckoutService, *arguments: str, holds: str) -> None:
    """Waits until the command prints this."""

    async def said() -> bool:
        return holds in await service.command(*arguments)

    await eventually(said, limit=60, every=0.5)


async def orders(service: CheckoutService, basket_id: str) -> None:
    await send(service, "checkout.orders.v1", basket_id.encode(), {"orderId": "order-1"})


async def send(service: CheckoutService, topic: str, key: bytes, value: Mapping[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=service.kafka)
    await producer.start()
    try:
        await producer.send_and_wait(topic, key=key, value=json.dumps(value).encode())
    finally:
        await producer.stop()


async def dead_letters(service: CheckoutService) -> None:
    """An operator retries one dead letter and skips another."""
    await send(service, "catalogue.prices.v1", b"nothing", {"not": "a price"})

    async def listed() -> Any:
        return json.loads(await service.command("dead-letters", "list", "--json"))["letters"]

    letter = (await eventually(listed, limit=60, every=0.5))[0]
    why = ("--reason", "a journey")
    await service.command("dead-letters", "skip", str(letter["id"]), *why)
    assert await listed() == []


async def ask(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
