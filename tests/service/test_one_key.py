"""Duplicates with one idempotency key, sent concurrently to two API processes. Meanwhile connections to the real PostgreSQL
are cut, and it restarts."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import asyncpg
import httpx
import pytest

from adapters.auth.local_issuer import issue_token
from adapters.postgres.migrator import migrate
from tests.adapters.postgres.proxy import BreakableNetwork
from tests.api.service import settings_in
from tests.conftest import OwnPostgres
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.service.checkout_process import add, cookie, order_of

CALLERS = 6
PAIRS = 40
"""For each caller, which has a basket of its own."""

UNDECIDED = {429, 500, 502, 503}

pytestmark = pytest.mark.timeout(400)


@dataclass
class KeyOutcomes:
    """The final outcomes of all attempts with one key."""

    key: str
    answers: list[tuple[int, bytes]] = field(default_factory=list)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def api_process(folder: Path, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """An API process, and a client of it with a token."""
    settings, port = settings_in(folder), free_port()
    token = issue_token(settings, partner="twins", ttl=timedelta(hours=1))
    environment = {
        "CHECKOUT_DATABASE_URL": database_url,
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(settings.local_issuer_key_file),
        "CHECKOUT_LANDING_COOKIE_SECURE": "false",
        "CHECKOUT_LOG_LEVEL": "ERROR",
    }
    serving = Program("-m", "cli", "serve", "--no-console", "--port", str(port), environment=environment)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        serving,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client,
    ):
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # each call sends its own

        async def ready() -> bool:
            with suppress(httpx.TransportError):
                return (await client.get("/health/ready")).status_code == 200
            return False

        await eventually(ready, limit=120)
        yield client


async def outcome(clients: Sequence[httpx.AsyncClient], first: int, key: str, **request: object) -> httpx.Response:
    """The outcome of a key, which is sent again to either process while it is undecided."""
    for number in range(10_000):
        client = clients[(first + number) % len(clients)]
        with suppress(httpx.TransportError):
            answer = await client.request(**request)  # type: ignore[arg-type]
            in_progress = answer.status_code == 409 and answer.json()["code"] == "request_in_progress"
            if answer.status_code not in UNDECIDED and not in_progress:
                return answer
        await asyncio.sleep(0.02)
    raise AssertionError(f"{key} is never decided")


async def send_twins(clients: Sequence[httpx.AsyncClient], name: str, outcomes: list[KeyOutcomes]) -> None:
    """Adds to a basket of its own, each time with two concurrent attempts of one key, at the current version."""
    begin = {"method": "POST", "url": "/partner/checkout/initiate", "json": order_of(external_id=name)}
    only_new = {"Idempotency-Key": f"{name}-begin", "If-None-Match": "*"}
    twins = await asyncio.gather(*(outcome(clients, first, name, headers=only_new, **begin) for first in (0, 1)))
    outcomes.append(KeyOutcomes(f"{name}-begin", [(twin.status_code, twin.content) for twin in twins]))
    assert {twin.status_code for twin in twins} == {200}, outcomes[-1]
    basket_id, tag = twins[0].json()["id"], twins[0].headers["etag"]
    for number in range(PAIRS):
        key = f"{name}-{number}"
        headers = {**cookie(basket_id), "If-Match": tag}
        update = {
            "method": "PUT",
            "url": "/partner/checkout/update",
            "json": {"orderItemActions": [add(key)]},
        }
        answers = await asyncio.gather(
            outcome(clients, 0, key, headers={**headers, "Idempotency-Key": key}, **update),
            outcome(clients, 1, key, headers={**headers, "Idempotency-Key": f'"{key}"'}, **update),
        )
        outcomes.append(KeyOutcomes(key, [(answer.status_code, answer.content) for answer in answers]))
        assert {answer.status_code for answer in answers} == {200}, outcomes[-1]
        tag = answers[0].headers["etag"]


async def break_things(network: BreakableNetwork, chance: random.Random, done: asyncio.Event) -> int:
    """Cuts connections, some between an append and its reply, until the callers are done."""
    broken = 0
    while not done.is_set():
        if chance.random() < 0.5:
            network.cut_all()
        else:
            network.lose_answers_to = b"checkout.order-item-added.v1"
        broken += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 0.05 + 0.4 * chance.random())
    network.lose_answers_to = None
    return broken


async def added(url: str) -> dict[str, int]:
    """How often each offer was added over all baskets, and the number of baskets by their names."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT type, data FROM events")
    finally:
        await connection.close()
    counts: dict[str, int] = {}
    for type, data in rows:
        event = json.loads(data)
        name = (
            event["orderItem"]["offer"]["id"]
            if type == "checkout.order-item-added.v1"
            else f"{event['details']['external_id']}-begin"
        )
        counts[name] = counts.get(name, 0) + 1
    return counts


async def test_one_of_two_duplicates_takes_effect_and_both_get_its_response(
    tmp_path: Path, own_postgres: OwnPostgres
) -> None:
    postgres = await own_postgres()
    await migrate(postgres.url)
    outcomes: list[KeyOutcomes] = []
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(BreakableNetwork(postgres.url))
        clients = [await stack.enter_async_context(api_process(tmp_path, network.url)) for _ in range(2)]
        # First without faults: only the duplicates meet.
        await asyncio.gather(*(send_twins(clients, f"calm-{caller}", outcomes) for caller in range(CALLERS)))
        done = asyncio.Event()
        breaking = asyncio.create_task(break_things(network, random.Random(7), done))
        callers = asyncio.gather(*(send_twins(clients, f"storm-{caller}", outcomes) for caller in range(CALLERS)))
        await eventually(lambda: callers.done() or len(outcomes) > CALLERS * (PAIRS + 1) * 1.2, limit=200)
        await postgres.stop()
        await postgres.start()
        await callers
        done.set()
        assert await breaking > 3
        counts = await added(postgres.url)
    assert len(outcomes) == 2 * CALLERS * (PAIRS + 1)
    # Nobody else writes to these baskets, so a 412 would come from the duplicate.
    assert [each for each in outcomes if {status for status, _ in each.answers} != {200}] == []
    assert [each.key for each in outcomes if each.answers[0] != each.answers[1]] == []
    assert [each.key for each in outcomes if counts[each.key] != 1] == []
    assert len(counts) == len(outcomes)
