"""A gateway that queues commands, and the command worker that executes them: in this process, and as a
process of its own that tests may kill."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.kafka import topics
from adapters.kafka.command_executor import CANCEL, INITIATE, UPDATE, VALIDATE, KafkaCommandExecutor
from adapters.kafka.command_stream import CommandStream
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler
from adapters.logs import configure_logging
from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.basket.repository import BasketRepository
from domain.ports.event_store import EventStore
from domain.ports.messaging import DeadLetters
from domain.validation.handlers import CheckoutHandlers
from tests.basket_traffic import topic_messages
from tests.builders.archive import nothing_archived
from tests.fakes.catalogue import InMemoryCatalogue
from tests.fakes.promises import InMemoryPromises
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.workers.running_worker import RecordedDeadLetters, send_messages
from tests.workers.worker_processes import event_store, running_worker
from workers.commands import CommandWorker


def command(
    type: str,
    body: Any = None,
    *,
    id: str | None = None,
    partner: str | None = "acme",
    basket: str | None = None,
    **headers: str,
) -> Message:
    """A command as a gateway sends it; a body is JSON unless it is bytes already."""
    given = {
        "ce_id": id or new_id(),
        "ce_type": type,
        "ce_partnerorg": partner,
        "ce_subject": basket,
        **headers,
    }
    value = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    encoded = tuple((name, text.encode()) for name, text in given.items() if text)
    return Message(topics.COMMANDS, (basket or "new").encode(), value or b"{}", encoded)


def initiate(external_id: str | None = None, *offers: str, **more: Any) -> Message:
    items = [{"offer": {"id": offer, "version": "v-1"}, "quantity": 1} for offer in offers or ("o-1",)]
    return command(INITIATE, {"order": {"orderItems": items, "external_id": external_id}}, **more)


def add(basket: str, offer: str = "o-2", quantity: int = 1, **more: Any) -> Message:
    action = {
        "orderItemActionType": "add",
        "offer": {"id": offer, "version": "v-1"},
        "quantity": quantity,
    }
    return command(UPDATE, {"orderItemActions": [action]}, basket=basket, **more)


def change(basket: str, item: str, quantity: int, **more: Any) -> Message:
    action = {"orderItemActionType": "change_quantity", "id": item, "quantity": quantity}
    return command(UPDATE, {"orderItemActions": [action]}, basket=basket, **more)


def validate(basket: str, **more: Any) -> Message:
    return command(VALIDATE, basket=basket, **more)


def cancel(basket: str, reason: object = "customer_left", **more: Any) -> Message:
    return command(CANCEL, {"reason": reason}, basket=basket, **more)


def order(basket: str, order_id: str = "order-1", **value: Any) -> Message:
    document = json.dumps({"orderId": order_id, **value}).encode()
    return Message(topics.ORDERS, basket.encode(), document, ())


def rejection(basket: str, order_id: str = "order-1", **value: Any) -> Message:
    return order(basket, order_id, status="rejected", **value)


async def order_results(settings: Settings, *baskets: str) -> dict[str, list[dict[str, Any]]]:
    """The results of orders by basket, in their order, as a read_committed consumer sees them."""
    found: dict[str, list[dict[str, Any]]] = {basket: [] for basket in baskets}
    for received in await topic_messages(
        settings, topics.ORDER_RESULTS, lambda message: message.header("ce_subject") in found
    ):
        document = json.loads(received.message.value or b"")
        found[document["basketId"]].append(document)
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command."""

    received: Received
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def basket(self) -> str:
        id: str = self.body["id"]
        return id


@dataclass
class CommandGateway:
    """Sends commands and reads the results of its own."""

    settings: Settings
    sent: list[str] = field(default_factory=list)

    async def sends(self, *messages: Message) -> None:
        self.sent += [id for message in messages if (id := message.header("ce_id"))]
        await send_messages(self.settings, messages)

    async def results(self, ids: Collection[str] | None = None) -> dict[str, list[Result]]:
        """All results by command id, as a read_committed consumer sees them."""
        wanted = set(self.sent if ids is None else ids)
        found: dict[str, list[Result]] = {}
        for received in await topic_messages(
            self.settings,
            topics.COMMAND_RESULTS,
            lambda message: message.header("ce_correlationid") in wanted,
        ):
            document = json.loads(received.message.value or b"")
            result = Result(received, document["status"], document["headers"], document["body"])
            found.setdefault(document["commandId"], []).append(result)
        return found

    async def asks(self, *messages: Message) -> list[Result]:
        """Sends the commands, and returns the one result of each, once all are there."""
        await self.sends(*messages)
        ids = [message.header("ce_id") or "" for message in messages]

        async def all_answered() -> dict[str, list[Result]] | None:
            found = await self.results(ids)
            return found if len(found) == len(set(ids)) else None

        found = await eventually(all_answered, every=0.05)
        assert found is not None
        assert all(len(results) == 1 for results in found.values())
        return [found[id][0] for id in ids]


@asynccontextmanager
async def command_worker(
    settings: Settings, group: str, *, letters: DeadLetters | None = None, store: EventStore | None = None
) -> AsyncIterator[CommandWorker]:
    """A command worker on the settings' database and Kafka. It gets its own store unless one is given."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    database = DatabasePool(url, timeout=2.0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        events = await stack.enter_async_context(event_store(url)) if store is None else store
        handlers = CheckoutHandlers(events, BasketRepository(events), InMemoryCatalogue(), utc_now, new_id)
        yield CommandWorker(
            CommandStream(settings, group),
            KafkaCommandExecutor(settings, handlers, utc_now, new_id),
            OrderHandler(handlers, InMemoryPromises(), nothing_archived, new_id),
            PostgresLeadership(database, retry_every=0.1),
            [letters or RecordedDeadLetters()],
            role=group,
            # Small, so that the worker can be killed within many transactions.
            batch_messages=50,
        )


def command_process(settings: Settings, group: str) -> Program:
    assert settings.database_url is not None
    return Program(
        "-m",
        "tests.workers.command_gateway",
        group,
        environment={
            "CHECKOUT_DATABASE_URL": settings.database_url.get_secret_value(),
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "CHECKOUT_KAFKA_DELIVERY": settings.kafka_delivery,
            "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": str(settings.kafka_fetch_max_wait_ms),
        },
    )


async def _run(group: str) -> None:
    async with command_worker(Settings(_env_file=None), group) as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    # Nobody reads its output while it runs, and a full pipe would stop it.
    configure_logging("CRITICAL")
    asyncio.run(_run(*sys.argv[1:]))
