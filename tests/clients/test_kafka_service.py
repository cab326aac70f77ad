"""The kit and its examples on the whole service and a real Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from checkout_client.basket_state import BasketState
from checkout_client.kafka import CommandSender, EventReader, KafkaConnection, StateReader
from checkout_client.models.answers import Basket
from checkout_client.models.commands import CancelBasket, InitiateBasket, ItemRequest, OfferRequest, OrderRequest
from cli.demo.journeys import initiate_body, sample_baskets
from tests.clients.counting_consumer import TABLES
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import Databases
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, cookie, running_service
from tests.service.conftest import SAMPLE

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "clients" / "python" / "examples"
PARTNER = "store-367"
LIMIT = 60.0


@pytest.fixture(scope="module")
async def running(
    databases: Databases, module_kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CheckoutService]:
    url = await databases.fresh()
    async with running_service(
        tmp_path_factory.mktemp("service"),
        "--ephemeral",
        CHECKOUT_DATABASE_URL=url,
        CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=module_kafka.bootstrap_servers,
        CHECKOUT_KAFKA_DELIVERY="exactly_once" if module_kafka.transactions else "at_least_once",
    ) as running:
        await running.command("catalogue", "load", str(SAMPLE / "catalogue.jsonl"), "--wait")
        yield running
    await databases.drop(url)


@pytest.fixture
async def caller(running: CheckoutService) -> AsyncIterator[httpx.AsyncClient]:
    async with running.caller(PARTNER) as client:
        yield client


@pytest.fixture
def connection(running: CheckoutService) -> KafkaConnection:
    return KafkaConnection.from_environment(running.environment)


class KitProgram:
    """A process, and the lines that it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def line_with(self, *words: str) -> str:
        async def found() -> str | None:
            assert self.process.returncode is None or not self._reading.done(), "\n".join(self.lines)
            return next((line for line in self.lines if all(word in line for word in words)), None)

        return str(await eventually(found, limit=LIMIT))

    async def end(self, with_signal: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(with_signal)
        await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())


@asynccontextmanager
async def program(running: CheckoutService, script: Path, *arguments: str, **more: str) -> AsyncIterator[KitProgram]:
    environment = {**os.environ, **running.environment, "CHECKOUT_URL": running.url, "PYTHONPATH": str(ROOT), **more}
    started = KitProgram(
        await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
        )
    )
    try:
        yield started
    finally:
        await started.end(signal.SIGKILL)


async def a_ready_basket(caller: httpx.AsyncClient, number: int = 0) -> str:
    begun = await caller.post("/partner/checkout/initiate", json=initiate_body(sample_baskets(PARTNER)[number]))
    basket_id: str = begun.json()["id"]
    verdict = (await caller.post(f"/partner/checkout/validate/{basket_id}")).json()
    assert verdict["ready"], verdict
    return basket_id


async def status_of(caller: httpx.AsyncClient, basket_id: str) -> str:
    return str((await caller.get(f"/partner/checkout/{basket_id}")).json()["order"]["status"])


async def test_the_order_service_places_an_order_once_also_when_it_is_killed(
    running: CheckoutService, caller: httpx.AsyncClient, tmp_path: Path
) -> None:
    database = str(tmp_path / "orders.sqlite")
    first = await a_ready_basket(caller)
    async with program(running, EXAMPLES / "order_service.py", ORDERS_DB=database) as service:
        assert (await service.line_with(f"order {first}-")).endswith(": completed")
    assert await status_of(caller, first) == "completed"
    second = await a_ready_basket(caller, 1)
    async with program(running, EXAMPLES / "order_service.py", ORDERS_DB=database) as service:
        assert (await service.line_with(f"order {second}-")).endswith(": completed")
        await service.end(signal.SIGTERM)
        assert service.process.returncode == 0
    orders = sqlite3.connect(database).execute("SELECT id, outcome FROM orders").fetchall()
    assert {order_id.rpartition("-")[0]: outcome for order_id, outcome in orders} == {
        first: "completed",
        second: "completed",
    }


async def test_the_printed_events_are_those_of_the_basket(running: CheckoutService, caller: httpx.AsyncClient) -> None:
    async with program(running, EXAMPLES / "print_events.py") as printer:
        basket_id = await a_ready_basket(caller, 2)
        await printer.line_with(basket_id, "basket-validated ready")
        await printer.end(signal.SIGINT)
    lines = [line.split()[1:] for line in printer.lines if basket_id in line]
    assert [int(version) for _, version, *_ in lines] == [*range(1, len(lines) + 1)]
    assert lines[0][3] == "basket-initiated"


async def test_the_cache_finds_a_basket_by_its_offer(running: CheckoutService, caller: httpx.AsyncClient) -> None:
    basket_id = await a_ready_basket(caller, 3)
    offer_id = sample_baskets(PARTNER)[3]["orderItems"][0]["offer"]["id"]

    async def cached() -> str | None:
        async with program(running, EXAMPLES / "basket_cache.py", "open", offer_id) as cache:
            await cache.process.wait()
            await cache.end(signal.SIGKILL)
        return next((line for line in cache.lines if line.startswith(basket_id)), None)

    assert await eventually(cached, limit=LIMIT)


async def test_state_and_fold_are_what_get_answers(caller: httpx.AsyncClient, connection: KafkaConnection) -> None:
    basket_id = await a_ready_basket(caller, 4)
    answer = Basket.model_validate((await caller.get(f"/partner/checkout/{basket_id}")).json()).order
    async with StateReader(connection) as baskets, asyncio.timeout(LIMIT):
        await baskets.ready()
        await baskets.reach(basket_id, answer.version)
        assert baskets[basket_id].order == answer
    state = BasketState()
    async with EventReader(connection) as reader, asyncio.timeout(LIMIT):
        async for request in reader:
            if request.basket_id == basket_id:
                assert request.is_complete
                state.apply([event.data for event in request.events])
                if state.version == answer.version:
                    break
    assert state.order() == answer


async def test_commands_get_their_results(caller: httpx.AsyncClient, connection: KafkaConnection) -> None:
    offer = sample_baskets(PARTNER)[0]["orderItems"][0]["offer"]
    item = ItemRequest(offer=OfferRequest(id=offer["id"], version=offer["version"]))
    command = InitiateBasket(order=OrderRequest(order_items=[item], country="GB", currency="GBP", external_id="kit-1"))
    async with CommandSender(connection, partner=PARTNER) as sender:
        begun = await sender.initiate(command, id="kit-initiate-1")
        again = await sender.initiate(command, id="kit-initiate-1")
        assert (begun.status, begun.body) == (200, again.body)
        basket_id = begun.body["id"]
        assert (await sender.validate(basket_id)).body["basketVersion"] == 2
        refused = await sender.cancel(basket_id, CancelBasket(reason="left"), headers={"ifmatch": '"1"'})
        assert (refused.status, refused.body["code"]) == (412, "version_mismatch")
        cancelled = await sender.cancel(basket_id, CancelBasket(reason="left"))
        assert cancelled.body["order"]["status"] == "cancelled"
    assert await status_of(caller, basket_id) == "cancelled"


async def test_a_killed_process_and_a_rebalance_count_every_event_once_and_in_order(
    running: CheckoutService, caller: httpx.AsyncClient, tmp_path: Path
) -> None:
    path = str(tmp_path / "counts.sqlite")
    database = sqlite3.connect(path, timeout=30)
    database.executescript(TABLES)
    script = Path(__file__).parent / "counting_consumer.py"
    ids = [await a_basket_with_changes(caller) for _ in range(8)]
    wanted = {basket_id: await version_of(caller, basket_id) for basket_id in ids}

    async def counted() -> bool:
        return wanted.items() <= dict(database.execute("SELECT basket, version FROM versions")).items()

    async with program(running, script, path, "0.05") as killed:
        await killed.line_with("joined")
        async with program(running, script, path, "0.01") as stays:
            await killed.end(signal.SIGKILL)
            await stays.line_with("joined")
            await eventually(counted, limit=LIMIT)
            await stays.end(signal.SIGTERM)
            assert stays.process.returncode == 0, stays.lines
    for basket_id, version in wanted.items():
        spans = spans_of(database, basket_id)
        assert [first for first, _ in spans] == [1, *(last + 1 for _, last in spans[:-1])]
        assert spans[-1][1] == version


def spans_of(database: sqlite3.Connection, basket_id: str) -> Sequence[tuple[int, int]]:
    rows = database.execute("SELECT first, last FROM effects WHERE basket = ? ORDER BY number", (basket_id,))
    return rows.fetchall()


async def a_basket_with_changes(caller: httpx.AsyncClient) -> str:
    begun = await caller.post("/partner/checkout/initiate", json=initiate_body(sample_baskets(PARTNER)[5]))
    basket_id: str = begun.json()["id"]
    order = (await caller.get(f"/partner/checkout/{basket_id}")).json()["order"]
    actions = [
        {"orderItemActionType": "change_quantity", "id": item["id"], "quantity": 7} for item in order["orderItems"]
    ]
    changed = await caller.put(
        "/partner/checkout/update", json={"orderItemActions": actions}, headers=cookie(basket_id)
    )
    assert changed.status_code == 200, changed.text
    return basket_id


async def version_of(caller: httpx.AsyncClient, basket_id: str) -> int:
    return int((await caller.get(f"/partner/checkout/{basket_id}")).json()["order"]["version"])
