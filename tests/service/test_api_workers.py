"""`checkout serve --workers`: several processes behind one port. One that dies costs callers a connection, and no more."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import httpx
import psutil

from adapters.auth.local_issuer import issue_token
from adapters.embedded.processes import free_port, is_port_free
from tests.api.service import settings_in
from tests.servers.processes import Program, has_ended
from tests.servers.waiting import eventually
from tests.service.checkout_process import add, cookie, order_of

CALLERS = 4
WORKERS = 2


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        if all(is_port_free(first + each) for each in range(count)):
            return first


class Workers:
    """`checkout serve --workers 2`, with its URL and a token."""

    def __init__(self, folder: Path, database_url: str) -> None:
        settings, port = settings_in(folder), free_ports(1)
        self.metrics = free_ports(WORKERS)
        self.url = f"http://127.0.0.1:{port}"
        self.token = issue_token(settings, partner="shop", ttl=timedelta(hours=1))
        self.program = Program(
            *("-m", "cli", "serve", "--workers", str(WORKERS), "--port", str(port)),
            environment={
                "CHECKOUT_DATABASE_URL": database_url,
                "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(settings.local_issuer_key_file),
                "CHECKOUT_METRICS_PORT": str(self.metrics),
                "CHECKOUT_LOG_LEVEL": "WARNING",
            },
        )

    @property
    def pids(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.program.pid).children()}

    @asynccontextmanager
    async def caller(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client:
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            yield client

    async def running(self, client: httpx.AsyncClient) -> bool:
        """Whether all processes tell their metrics, and know of each other."""
        for number in range(WORKERS):
            with suppress(httpx.TransportError):
                told = await client.get(f"http://127.0.0.1:{self.metrics + number}/metrics")
                if f'checkout_workers_running{{worker="api"}} {WORKERS}.0' in told.text:
                    continue
            return False
        return (await client.get("/health/ready")).status_code == 200


async def answer(
    client: httpx.AsyncClient, method: str, path: str, key: str, body: object, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """The response, sent again with its key where the connection ends."""
    headers = {"Idempotency-Key": key, **(headers or {})}
    while True:
        with suppress(httpx.TransportError):
            response = await client.request(method, path, headers=headers, json=body)
            if response.status_code != 409:  # its first try is still undecided
                return response
        await asyncio.sleep(0.02)


async def call_on(client: httpx.AsyncClient, name: str, counts: list[int], caller: int, done: asyncio.Event) -> str:
    """Adds to a basket of its own until it is told to stop."""
    began = await answer(client, "POST", "/partner/checkout/initiate", name, order_of(external_id=name))
    basket_id: str = began.json()["id"]
    update = {"orderItemActions": [add("o-1")]}
    while not done.is_set():
        key = f"{name}-{counts[caller]}"
        added = await answer(client, "PUT", "/partner/checkout/update", key, update, cookie(basket_id))
        assert added.status_code == 200, added.text
        counts[caller] += 1
    return basket_id


async def test_callers_go_on_while_a_process_dies_and_is_started_again(tmp_path: Path, database_url: str) -> None:
    workers = Workers(tmp_path, database_url)
    async with workers.program as program, workers.caller() as client:
        log = asyncio.create_task(program.errors())
        await eventually(lambda: workers.running(client), limit=120)
        before = workers.pids
        assert len(before) == WORKERS

        done, counts = asyncio.Event(), [0] * CALLERS
        callers = [asyncio.create_task(call_on(client, f"c-{n}", counts, n, done)) for n in range(CALLERS)]
        await eventually(lambda: min(counts) > 5)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        at_death = list(counts)
        await eventually(lambda: all(now > then + 5 for now, then in zip(counts, at_death, strict=True)))
        await eventually(lambda: len(workers.pids) == WORKERS and killed not in workers.pids)
        await eventually(lambda: workers.running(client), limit=120)
        done.set()

        for basket_id, count in zip(await asyncio.gather(*callers), counts, strict=True):
            (line,) = (await client.get(f"/partner/checkout/{basket_id}")).json()["order"]["orderItems"]
            assert line["quantity"] == count
        after = workers.pids
        assert await program.stop() == 0
        assert all(has_ended(pid) for pid in after)
        assert "ended with exit code -9 and is started again" in await log


async def test_all_processes_end_with_their_supervisor(tmp_path: Path, database_url: str) -> None:
    workers = Workers(tmp_path, database_url)
    async with workers.program as program, workers.caller() as client:
        log = asyncio.create_task(program.errors())
        await eventually(lambda: workers.running(client), limit=120)
        pids = workers.pids
        await program.kill()
        await eventually(lambda: all(has_ended(pid) for pid in pids))
        await log


async def test_what_fails_at_the_first_start_is_said_and_not_tried_again(tmp_path: Path) -> None:
    environment = {"CHECKOUT_DATABASE_URL": "postgresql:///none", "CHECKOUT_DATA_KEY_FILE": str(tmp_path / "missing")}
    arguments = ("-m", "cli", "serve", "--workers", "2", "--port", "0")
    async with Program(*arguments, environment=environment) as program:
        log = asyncio.create_task(program.errors())
        assert await program.end(60) == 1
        said = await log
    assert "(CHECKOUT_DATA_KEY_FILE) cannot be read" in said
    assert "ended at its first start with exit code 1" in said


async def test_the_console_is_refused_beside_several_processes(tmp_path: Path) -> None:
    arguments = ("-m", "cli", "serve", "--workers", "2", "--console", "--port", "0")
    async with Program(*arguments, environment={"CHECKOUT_DATA": str(tmp_path)}) as program:
        log = asyncio.create_task(program.errors())
        assert await program.end(60) == 1
        assert "the console needs one process" in await log
