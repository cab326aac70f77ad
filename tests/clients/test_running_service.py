"""The client kit on a running service: examples, promises, and an answer that is lost after the work was done."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checkout_client import CheckoutClient, NoAnswer, PromiseRefused, RetryPolicy, SyncCheckoutClient, check_promise
from tests.servers.postgres import Databases
from tests.service.checkout_process import CheckoutService, running_service
from tests.service.conftest import SAMPLE

KIT = Path(__file__).parents[2] / "clients" / "python"
BLOCKS = re.findall(r"```python\n(.*?)```", (KIT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
ITEM = {"offer": {"id": "o-820165", "version": "v-1"}}
ORDER = {"order": {"country": "US", "currency": "USD", "orderItems": [ITEM]}}


@pytest.fixture(scope="module")
async def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckoutService]:
    """`checkout up` with a broker of its own, and the sample's catalogue."""
    url = await databases.fresh()
    folder = tmp_path_factory.mktemp("service")
    async with running_service(folder, "--ephemeral", CHECKOUT_DATABASE_URL=url) as running:
        await running.command("catalogue", "load", str(SAMPLE / "catalogue.jsonl"), "--wait")
        yield running
    await databases.drop(url)


@pytest.fixture(scope="module")
async def token(service: CheckoutService) -> str:
    return await service.token("store-367")


async def run_python(service: CheckoutService, token: str, *arguments: str) -> str:
    """The output of a script that knows the service by its environment only."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "CHECKOUT_URL": service.url, "CHECKOUT_TOKEN": token},
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    return output


async def test_the_gateway_of_the_examples_makes_a_basket_ready(service: CheckoutService, token: str) -> None:
    output = await run_python(service, token, str(KIT / "examples" / "gateway.py"))
    assert "not ready; the remedy leads to ready: True" in output
    assert "expect_price" in output
    assert "ready: True (ready)" in output
    assert "the promise holds until" in output


@pytest.mark.parametrize(
    ("block", "expected"), [(0, r"^False \['"), (1, r"^ready \[\[\{.*expect_price"), (2, r"^basket-\S+ at version 2: ")]
)
async def test_the_examples_of_the_page_run(service: CheckoutService, token: str, block: int, expected: str) -> None:
    assert re.match(expected, await run_python(service, token, "-c", BLOCKS[block]))


async def test_a_promise_is_checked_without_asyncio_and_refused_when_tampered_with(
    service: CheckoutService, token: str
) -> None:
    def journey() -> None:
        with SyncCheckoutClient(service.url, token) as client:
            mended = client.make_ready(client.initiate(ORDER).id)
            keys, verdict = client.promise_keys(), mended.verdict.value
            assert mended.promise is not None
            promise = check_promise(mended.promise, keys, basket_id=verdict.id, evidence=verdict.evidence)
            assert promise.total == verdict.checkout.total
            head, claims, signature = mended.promise.split(".")
            for forged in (f"{head}.{claims[:-2]}AA.{signature}", f"{head}.{claims}.{signature[::-1]}"):
                with pytest.raises(PromiseRefused):
                    check_promise(forged, keys)

    await asyncio.to_thread(journey)


class AnswerDroppingProxy:
    """Passes requests on. While `drops` lasts, it closes the connection when the service has answered."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self.drops = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(self._host, self._port)
        passing = asyncio.create_task(_pass_on(reader, requests))
        try:
            while data := await answers.read(65536):
                if self.drops > 0:
                    self.drops -= 1
                    break
                writer.write(data)
                await writer.drain()
        finally:
            passing.cancel()
            requests.close()
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def test_a_lost_answer_is_asked_for_again_without_a_second_effect(service: CheckoutService, token: str) -> None:
    proxy = AnswerDroppingProxy(service.url)
    async with proxy.running() as url, CheckoutClient(url, token) as client:
        proxy.drops = 2
        begun = await client.initiate(ORDER)
        assert (proxy.drops, begun.replayed, begun.version) == (0, True, 2)
        proxy.drops = 1
        more = {"orderItemActions": [{"orderItemActionType": "add", **ITEM}]}
        updated = await client.update(begun.id, more, if_match=begun.version)
        assert (updated.replayed, updated.version) == (True, 3)
        order = (await client.get(begun.id)).value.order
        assert [line.quantity for line in order.order_items] == [2]


async def test_a_call_whose_answer_stays_lost_is_finished_later_by_its_key(
    service: CheckoutService, token: str
) -> None:
    proxy = AnswerDroppingProxy(service.url)
    policy = RetryPolicy(attempts=2, first_delay=0.01)
    async with proxy.running() as url, CheckoutClient(url, token, retries=policy) as client:
        proxy.drops = 2
        with pytest.raises(NoAnswer) as lost:
            await client.initiate(ORDER)
        assert (await client.initiate(ORDER, idempotency_key=lost.value.idempotency_key)).replayed
