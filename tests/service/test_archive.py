"""Baskets move to the archive and come back while the whole service works: API, publisher, projector, command worker."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.encryption.keys import create_master_key_file
from adapters.kafka.topics import BASKET_EVENTS, ensure_topics
from adapters.settings import Settings
from adapters.system import new_id
from tests.basket_traffic import streaming_settings, topic_messages
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import Databases
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, add, cookie, line, order_of, running_service
from tests.workers.command_gateway import CommandGateway, order, order_results, rejection
from tests.workers.command_gateway import add as add_command
from tests.workers.running_worker import send_messages

MARKER = "ada-lovelace"
BASKETS_AT_FIRST = 24
PAUSE = 0.3
"""Between two baskets of a partner; all of them are looked at in the end."""

pytestmark = pytest.mark.timeout(500)


@dataclass
class AcknowledgedCalls:
    """What partners were told: each basket's last version, and every response under its key."""

    versions: dict[str, int] = field(default_factory=dict)
    responses: list[tuple[str, str, Mapping[str, str], Any, httpx.Response]] = field(default_factory=list)

    async def keyed(self, client: httpx.AsyncClient, method: str, path: str, body: Any, **headers: str) -> Any:
        """The document of a call with a key of its own."""
        given = {"Idempotency-Key": new_id(), **headers}
        response = await client.request(method, path, json=body, headers=given)
        assert response.status_code == 200, response.text
        self.responses.append((method, path, given, body, response))
        return response.json()

    async def life(self, client: httpx.AsyncClient, *, cancelled: bool) -> str:
        """A basket that is filled and, perhaps, cancelled."""
        details = {"customerDetails": {"email": MARKER}}
        begun = await self.keyed(client, "POST", "/partner/checkout/initiate", order_of(line("o-1"), **details))
        basket_id: str = begun["id"]
        actions = {"orderItemActions": [add("o-2")]}
        said = await self.keyed(client, "PUT", "/partner/checkout/update", actions, **cookie(basket_id))
        self.versions[basket_id] = said["order"]["version"]
        if cancelled:
            said = await self.keyed(
                client, "POST", f"/partner/checkout/cancel/{basket_id}", {"reason": {"code": "left"}}
            )
            self.versions[basket_id] = said["order"]["version"]
        return basket_id


@dataclass
class ArchivedBaskets:
    """The archive by its commands."""

    service: CheckoutService

    async def run(self) -> int:
        return int(json.loads(await self.service.command("archive", "run", "--json"))["baskets"])

    async def ids(self) -> set[str]:
        rows = await self.service.command("archive", "list", "--limit", "10000", "--json")
        return {json.loads(row)["basketId"] for row in rows.splitlines()}


@pytest.fixture
async def serving(
    databases: Databases, module_kafka: KafkaServer, tmp_path: Path
) -> AsyncIterator[tuple[CheckoutService, Settings]]:
    """The service and the settings of its Kafka. It keeps no basket in memory, and retires those that are over at
    once. Only commands archive."""
    create_master_key_file(tmp_path / "data-key")
    (tmp_path / "archive").mkdir()
    url = await databases.fresh()
    delivery = "exactly_once" if module_kafka.transactions else "at_least_once"
    settings = streaming_settings(module_kafka.bootstrap_servers, url, kafka_delivery=delivery)
    await ensure_topics(settings)
    async with running_service(
        tmp_path,
        "--ephemeral",
        CHECKOUT_DATABASE_URL=url,
        CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=module_kafka.bootstrap_servers,
        CHECKOUT_KAFKA_DELIVERY=delivery,
        CHECKOUT_KAFKA_PARTITIONS=str(settings.kafka_partitions),
        CHECKOUT_DATA_KEY_FILE=str(tmp_path / "data-key"),
        CHECKOUT_ARCHIVE_FOLDER=str(tmp_path / "archive"),
        CHECKOUT_STATE_RETENTION="0.001",
        CHECKOUT_BASKET_CACHE_LINES="1",
    ) as running:
        yield replace(running, environment={**running.environment, "CHECKOUT_ARCHIVE_AFTER": "0"}), settings
    await databases.drop(url)


async def published_versions(settings: Settings) -> Mapping[str, list[int]]:
    """The versions of each basket on the topic of events, in their order."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for received in await topic_messages(settings, BASKET_EVENTS, lambda _: True):
        found[(received.message.key or b"").decode()].append(int(received.message.header("ce_sequence") or 0))
    return found


async def outcome(settings: Settings, basket_id: str, count: int) -> str:
    """The last of so many results of orders about a basket."""

    async def told() -> str | None:
        results = (await order_results(settings, basket_id))[basket_id]
        return str(results[-1]["outcome"]) if len(results) == count else None

    return str(await eventually(told, every=0.2))


async def test_nothing_acknowledged_is_lost_or_doubled_while_baskets_are_archived_and_brought_back(
    serving: tuple[CheckoutService, Settings], tmp_path: Path
) -> None:
    service, settings = serving
    acknowledged, archived = AcknowledgedCalls(), ArchivedBaskets(service)
    enough = asyncio.Event()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(service.caller("acme"))
        finished = [await acknowledged.life(client, cancelled=True) for _ in range(BASKETS_AT_FIRST)]
        ordered = await acknowledged.life(client, cancelled=False)
        await send_messages(settings, [order(ordered)])
        assert await outcome(settings, ordered, 1) == "completed"

        async def partner() -> None:
            number = 0
            while not enough.is_set():
                await acknowledged.life(client, cancelled=number % 3 > 0)
                number += 1
                with suppress(TimeoutError):
                    await asyncio.wait_for(enough.wait(), PAUSE)

        partners = [asyncio.create_task(partner()) for _ in range(3)]
        # Tombstones go out twice a minute, so this takes a while.
        while not {*finished, ordered} <= await archived.ids():
            await archived.run()
        back = finished[:8]
        await service.command("archive", "restore", *back)
        await archived.run()
        await service.command("archive", "restore", *back[:4])
        enough.set()
        await asyncio.gather(*partners)

        await after_all(service, settings, client, acknowledged, finished, ordered)
    # The service goes on; what it holds now is as the events say, also on Kafka.
    verified = json.loads(await service.command("verify", "--all", "--json"))
    assert (verified["differs"], verified["complete"]) == (False, True)
    assert any("in the archive" in each["what"] for each in verified["notLookedAt"])
    for path in (tmp_path / "archive").glob("*.gz"):
        assert MARKER.encode() not in gzip.decompress(path.read_bytes())


async def after_all(
    service: CheckoutService,
    settings: Settings,
    client: httpx.AsyncClient,
    acknowledged: AcknowledgedCalls,
    finished: list[str],
    ordered: str,
) -> None:
    archive = await ArchivedBaskets(service).ids()
    assert ordered in archive
    away = next(basket_id for basket_id in finished if basket_id in archive)

    # Every call that was acknowledged is published, once, however often its basket came and went.
    async def all_published() -> Mapping[str, list[int]] | None:
        found = await published_versions(settings)
        return found if all(found[id][-1:] >= [version] for id, version in acknowledged.versions.items()) else None

    published = await eventually(all_published, every=0.5)
    assert published is not None
    for versions in published.values():
        assert versions == [*range(1, len(versions) + 1)]

    # Partners: a basket is in the archive or as it was acknowledged; a retry gets its response in both cases.
    for basket_id, version in acknowledged.versions.items():
        told = await client.get(f"/partner/checkout/{basket_id}")
        if basket_id in archive:
            assert (told.status_code, told.json()["code"]) == (404, "basket_not_found")
        else:
            assert (told.status_code, told.json()["order"]["version"]) == (200, version)
    for method, path, headers, body, first in acknowledged.responses:
        again = await client.request(method, path, json=body, headers=headers)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"

    # Gateways and order services: a late command meets no basket, and a late report has its effect.
    gateway = CommandGateway(settings)
    [refused] = await gateway.asks(add_command(away))
    assert (refused.status, refused.body["code"]) == (404, "basket_not_found")
    await send_messages(settings, [rejection(ordered)])
    assert await outcome(settings, ordered, 2) == "reopened"
    assert (await client.get(f"/partner/checkout/{ordered}")).json()["order"]["status"] == "open"

    # Operators: an erasure reaches the archive, and a republication says what it leaves out.
    erased = json.loads(await service.command("forget", "--basket", away, "--reason", "asked for", "--yes", "--json"))
    assert erased["basketIds"] == [away]

    async def erasure_published() -> bool:
        messages = await topic_messages(settings, BASKET_EVENTS, lambda message: message.key == away.encode())
        return messages[-1].message.header("ce_type") == "checkout.basket-personal-data-forgotten.v1"

    await eventually(erasure_published, every=0.5)
    republished = json.loads(
        await service.command("republish", "--to", f"replay.{new_id()}", "--reason", "a new reader", "--json")
    )
    assert republished["archived"] == len(await ArchivedBaskets(service).ids())
    assert republished["progress"]["complete"] is True
