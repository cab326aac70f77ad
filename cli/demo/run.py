"""Runs the demo: starts the service as `checkout up` does, plays, shows, checks, and keeps serving."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from time import monotonic

import httpx

from adapters.auth.local_issuer import issue_token
from adapters.embedded.processes import die_with_parent
from adapters.kafka.clients import producer
from adapters.kafka.topics import ORDERS
from adapters.settings import Settings
from cli.demo.evidence import compare, messages, stored_events
from cli.demo.journeys import (
    SAMPLE,
    DemoPartner,
    not_ready_journey,
    ready_journey,
)
from cli.demo.next_steps import next_steps, print_next_steps, try_next_steps
from cli.demo.presenter import Document, Presenter
from domain.shared.errors import CheckoutError

FIRST, SECOND = "store-367", "store-406"
START_LIMIT, MESSAGE_LIMIT = 180.0, 30.0
KEEPS_SERVING = "Without ONCE=1 (or --once) the demo keeps serving until Ctrl-C."


class DemoNotStarted(CheckoutError):
    """The service did not become ready; its own words are on stderr."""


async def run_demo(*, once: bool, port: int) -> int:
    """The exit code: 0, or 1 where anything was not as it should be."""
    stage = Presenter()
    began = monotonic()
    stage.say("Starting PostgreSQL, a broker, the API and all workers …")
    async with _service(port) as ready:
        stage.say(f"Ready after {monotonic() - began:.1f} s: {ready['url']}")
        settings = Settings(
            kafka_bootstrap_servers=ready["kafka"],
            kafka_delivery="at_least_once",
            kafka_fetch_max_wait_ms=10,
            jwt_issuer=ready["issuer"],
            jwt_audience=ready["audience"],
        )
        await _play(stage, settings, ready, once=once)
        if stage.wrong:
            stage.chapter(f"{len(stage.wrong)} things were not as they should be")
            for what in stage.wrong:
                stage.say(f"  ✗ {what}")
        else:
            stage.chapter("Everything was as it should be")
        if not once:
            stage.say("Serving until Ctrl-C.")
            await _until_stopped()
    stage.say(f"The service is stopped, and nothing of it is kept. {KEEPS_SERVING if once else ''}")
    return 1 if stage.wrong else 0


async def _play(stage: Presenter, settings: Settings, ready: Document, *, once: bool) -> None:
    stage.chapter("1  The catalogue: real products and prices of one week")
    await _load(stage, ready, "catalogue.jsonl")
    async with (
        _partner(FIRST, stage, settings, ready) as first,
        _partner(SECOND, stage, settings, ready) as second,
    ):
        stage.chapter(f"2  {FIRST} plays a real basket to its end")
        first_id, first_verdict = await ready_journey(first, stage)
        await _place_order(settings, first_id)
        stage.say("  … an order service says on Kafka that the order was placed …")
        await _until_completed(first, first_id, stage)
        stage.chapter(f"3  {SECOND} has less luck")
        second_id, second_verdict = await not_ready_journey(
            second, stage, lambda: _load(stage, ready, "next-week.jsonl")
        )
        await second.call(
            "GET", f"/partner/checkout/{first_id}", 404, f"{FIRST}'s basket does not exist for others"
        )
        stage.chapter("4  The baskets' events as they lie in PostgreSQL")
        stored = await stored_events(ready["database_url"], [first_id, second_id])
        for basket_id, rows in stored.items():
            stage.events(basket_id, rows)
        stage.chapter("5  The Kafka messages as an ordinary consumer reads them")
        wanted = {f"{basket_id}/{row['version']}" for basket_id, rows in stored.items() for row in rows}
        read = await messages(settings, wanted)
        compare(stage, stored, read, {first_id: first_verdict, second_id: second_verdict})
        stage.chapter("6  Try it yourself")
        offered = next_steps(settings, ready, SECOND, second_id)
        await try_next_steps(offered, stage)
        if once:
            stage.say("  every address, call and command that the demo offers while it serves was tried")
        else:
            print_next_steps(offered, SECOND, stage)


@asynccontextmanager
async def _service(port: int) -> AsyncIterator[Document]:
    """`checkout up` as a process of its own; yields what it says when it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", "up", "--ephemeral", "--json", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    if process.stdout is None:
        raise RuntimeError("the child's output was not asked for")
    try:
        try:
            async with asyncio.timeout(START_LIMIT):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise DemoNotStarted(f"the service was not ready after {START_LIMIT:g} s") from error
        if not line:
            raise DemoNotStarted(f"the service did not start (exit code {await process.wait()})")
        ready: Document = json.loads(line)
        yield ready
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


@asynccontextmanager
async def _partner(
    name: str, stage: Presenter, settings: Settings, ready: Document
) -> AsyncIterator[DemoPartner]:
    token = issue_token(settings, partner=name, scope="partner", ttl=timedelta(hours=1))
    async with httpx.AsyncClient(
        base_url=ready["url"], headers={"Authorization": f"Bearer {token}"}, timeout=10
    ) as client:
        yield DemoPartner(name, client, stage)


async def _load(stage: Presenter, ready: Document, name: str) -> None:
    """Loads a file onto the catalogue topics with the ordinary command, and waits until it is learned."""
    environment = {
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": ready["kafka"],
        "CHECKOUT_DATABASE_URL": ready["database_url"],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", "catalogue", "load", str(SAMPLE / name), "--wait", "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment, "CHECKOUT_KAFKA_DELIVERY": "at_least_once"},
    )
    output, _ = await process.communicate()
    stage.expect(process.returncode == 0, f"loading {name} ended with {process.returncode}")
    if process.returncode == 0:
        summary = json.loads(output)
        stage.say(
            f"  {name}: {summary['published']} facts published and learned, {summary['refused']} refused"
        )


async def _place_order(settings: Settings, basket_id: str) -> None:
    sender = producer(settings)
    await sender.start()
    try:
        await sender.send_and_wait(
            ORDERS,
            key=basket_id.encode(),
            value=json.dumps({"basketId": basket_id, "orderId": "order-1"}).encode(),
        )
    finally:
        await sender.stop()


async def _until_completed(partner: DemoPartner, basket_id: str, stage: Presenter) -> None:
    """Waits until the order has become the basket's completion."""
    deadline = monotonic() + MESSAGE_LIMIT
    while monotonic() < deadline:
        answer = await partner.client.get(f"/partner/checkout/{basket_id}")
        if answer.json()["order"]["status"] == "completed":
            stage.call(partner.name, "GET …", answer.status_code, "the basket is completed")
            return
        await asyncio.sleep(0.1)
    stage.expect(False, "the order did not complete the basket")


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
