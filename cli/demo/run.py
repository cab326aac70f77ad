"""Runs the demo: starts the service as `checkout up` does, plays, shows and checks it, and keeps serving."""

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
from pydantic import SecretStr

from adapters.auth.local_issuer import issue_token
from adapters.embedded.processes import die_with_parent
from adapters.kafka.clients import producer
from adapters.kafka.topics import ORDERS
from adapters.promises.jws import JwsPromiseVerifier
from adapters.settings import Settings
from adapters.system import utc_now
from api.partner.promise_keys import JWKS
from cli.demo.evidence import compare, published_messages, stored_events
from cli.demo.journeys import SAMPLE, DemoPartner, not_ready_journey, ready_journey
from cli.demo.next_steps import next_steps, print_next_steps, try_next_steps
from cli.demo.presenter import Document, Presenter
from cli.promise import published_keys
from cli.runner import DONE, NOT_DONE
from cli.signals import stop_signal
from domain.ports.promises import InvalidPromise
from domain.shared.errors import CheckoutError
from domain.shared.formatting import format_time

FIRST, SECOND = "store-367", "store-406"
START_LIMIT, MESSAGE_LIMIT = 180.0, 30.0
KEEPS_SERVING = "Without ONCE=1 (or --once) the demo keeps serving until Ctrl-C."


class DemoNotStarted(CheckoutError):
    """The service did not become ready. Its own messages are on stderr."""


async def run_demo(*, once: bool, port: int) -> int:
    """Returns the exit code: 1 where anything was not as it should be."""
    presenter = Presenter()
    began = monotonic()
    presenter.say("Starting PostgreSQL, a broker, the API and all workers …")
    async with _running_service(port) as ready:
        presenter.say(f"Ready after {monotonic() - began:.1f} s: {ready['url']}")
        settings = Settings(
            database_url=SecretStr(ready["database_url"]),
            data_key_file=ready["data_key_file"],
            kafka_bootstrap_servers=ready["kafka"],
            kafka_delivery="at_least_once",
            kafka_fetch_max_wait_ms=10,
            jwt_issuer=ready["issuer"],
            jwt_audience=ready["audience"],
        )
        await _play(presenter, settings, ready, once=once)
        if presenter.failures:
            presenter.chapter(f"{len(presenter.failures)} things were not as they should be")
            presenter.say("\n".join(f"  ✗ {failure}" for failure in presenter.failures))
        else:
            presenter.chapter("Everything was as it should be")
        if not once:
            presenter.say("Serving until Ctrl-C.")
            async with stop_signal() as stop:
                await stop.wait()
    presenter.say(f"The service is stopped, and nothing of it is kept. {KEEPS_SERVING if once else ''}")
    return NOT_DONE if presenter.failures else DONE


async def _play(presenter: Presenter, settings: Settings, ready: Document, *, once: bool) -> None:
    presenter.chapter("1  The catalogue: real products and prices of one week")
    await _load(presenter, ready, "catalogue.jsonl")
    async with (
        _partner(FIRST, presenter, settings, ready) as first,
        _partner(SECOND, presenter, settings, ready) as second,
    ):
        presenter.chapter(f"2  {FIRST} plays a real basket to its end")
        first_id, first_verdict = await ready_journey(first, presenter)
        await _check_promise(presenter, settings, ready, first_verdict)
        await _place_order(settings, first_id, first_verdict["promise"])
        presenter.say("  … and says on Kafka that the order was placed …")
        await _wait_until_completed(first, first_id, presenter)
        presenter.chapter(f"3  {SECOND} has less luck")
        second_id, second_verdict = await not_ready_journey(
            second, presenter, lambda: _load(presenter, ready, "next-week.jsonl")
        )
        await second.call("GET", f"/{first_id}", 404, f"{FIRST}'s basket does not exist for others")
    presenter.chapter("4  The baskets' events as they lie in PostgreSQL")
    stored = await stored_events(settings, [first_id, second_id])
    for basket_id, entries in stored.items():
        presenter.events(basket_id, entries)
    presenter.chapter("5  The Kafka messages as an ordinary consumer reads them")
    event_ids = {f"{basket_id}/{entry.version}" for basket_id, entries in stored.items() for entry in entries}
    messages = await published_messages(settings, event_ids, verdicts=2)
    compare(presenter, stored, messages, {first_id: first_verdict, second_id: second_verdict})
    presenter.chapter("6  Try it yourself")
    steps = next_steps(settings, ready, SECOND, second_id)
    await try_next_steps(steps, presenter)
    if once:
        presenter.say("  every address, call and command that the demo offers while it serves was tried")
    else:
        print_next_steps(steps, SECOND, presenter)


@asynccontextmanager
async def _running_service(port: int) -> AsyncIterator[Document]:
    """Runs `checkout up` as a process of its own. Yields the line that it prints when it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", "up", "--ephemeral", "--json", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    assert process.stdout is not None  # noqa: S101  (it is a pipe)
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
async def _partner(name: str, presenter: Presenter, settings: Settings, ready: Document) -> AsyncIterator[DemoPartner]:
    token = issue_token(settings, partner=name, scope="partner", ttl=timedelta(hours=1))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=ready["url"], headers=headers, timeout=10) as client:
        yield DemoPartner(name, client, presenter)


async def _load(presenter: Presenter, ready: Document, name: str) -> None:
    """Publishes a sample file with the ordinary command, and waits until the catalogue has recorded it."""
    environment = {
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": ready["kafka"],
        "CHECKOUT_DATABASE_URL": ready["database_url"],
        "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", "catalogue", "load", str(SAMPLE / name), "--wait", "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate()
    presenter.expect(process.returncode == 0, f"loading {name} ended with {process.returncode}")
    if process.returncode == 0:
        summary = json.loads(output)
        presenter.say(f"  {name}: {summary['published']} facts published and recorded, {summary['refused']} refused")


async def _check_promise(presenter: Presenter, settings: Settings, ready: Document, verdict: Document) -> None:
    """As an order service does, by the published keys alone."""
    keys = await published_keys(f"{ready['url']}{JWKS}")
    verifier = JwsPromiseVerifier(lambda key_id, _: keys.get(key_id), settings.promise_issuer, utc_now)
    try:
        promise = verifier.verify(verdict["promise"] or "")
    except InvalidPromise as error:
        presenter.expect(False, f"the promise of the verdict is wrong: {error}")
        return
    until = format_time(promise.expires_at)
    presenter.say(f"  … an order service checks the promise offline: {promise.total} until {until} …")
    same = (promise.basket_id, promise.basket_version) == (verdict["id"], verdict["basketVersion"])
    presenter.expect(same and promise.in_time_at(utc_now()), "the promise is not of this verdict and moment")


async def _place_order(settings: Settings, basket_id: str, promise: str) -> None:
    sender = producer(settings)
    await sender.start()
    try:
        value = json.dumps({"basketId": basket_id, "orderId": "order-1", "promise": promise}).encode()
        await sender.send_and_wait(ORDERS, key=basket_id.encode(), value=value)
    finally:
        await sender.stop()


async def _wait_until_completed(partner: DemoPartner, basket_id: str, presenter: Presenter) -> None:
    deadline = monotonic() + MESSAGE_LIMIT
    while monotonic() < deadline:
        response = await partner.client.get(f"/partner/checkout/{basket_id}")
        if response.json()["order"]["status"] == "completed":
            presenter.call(partner.name, "GET …", response.status_code, "the basket is completed")
            return
        await asyncio.sleep(0.1)
    presenter.expect(False, "the order did not complete the basket")
