from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka import topics
from adapters.kafka.clients import consumer
from adapters.kafka.command_executor import INITIATE, UPDATE
from adapters.kafka.command_messages import CommandMessage
from adapters.kafka.messages import Message
from adapters.kafka.topics import ensure_topics
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.settings import Settings
from adapters.system import new_id
from domain.basket.repository import BasketRepository
from domain.ports.event_store import Append, AppendOutcome
from domain.shared.errors import StoreUnavailable
from tests.basket_traffic import streaming_settings
from tests.contracts.catalogue import unique
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import WAIT_LIMIT_SECONDS, eventually
from tests.workers.command_gateway import (
    CommandGateway,
    add,
    change,
    command,
    command_process,
    command_worker,
    initiate,
    order,
    validate,
)
from tests.workers.running_worker import RecordedDeadLetters, ready_worker, send_messages


async def metadata_of(store: PostgresEventStore, basket: str) -> list[dict[str, str]]:
    return [json.loads(event.metadata) for event in await store.read_events(basket)]


async def types_of(store: PostgresEventStore, basket: str) -> list[str]:
    return [event.type for event in await store.read_events(basket)]


@pytest.mark.usefixtures("working")
async def test_a_command_gets_the_response_of_http(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate("EXT-1", "o-1", "o-2"))
    [added] = await gateway.asks(add(begun.basket, "o-3", 4))
    [judged] = await gateway.asks(validate(begun.basket))

    assert (begun.status, begun.headers["etag"]) == (200, '"3"')
    assert added.body["order"]["orderItems"][2]["quantity"] == 4
    assert added.body["actionResults"][0]["status"] == "applied"
    assert (judged.body["basketVersion"], judged.body["ready"], judged.headers["etag"]) == (4, False, '"5"')


@pytest.mark.usefixtures("working")
async def test_a_result_names_its_command_and_basket(gateway: CommandGateway) -> None:
    asked = initiate(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    [begun] = await gateway.asks(asked)

    message = begun.received.message
    assert message.key == begun.basket.encode()
    assert {
        name: message.header(name)
        for name in (
            "ce_specversion",
            "ce_type",
            "ce_id",
            "ce_source",
            "ce_dataschema",
            "ce_correlationid",
            "ce_causationid",
            "ce_subject",
            "ce_partitionkey",
            "ce_partnerorg",
            "traceparent",
        )
    } == {
        "ce_specversion": "1.0",
        "ce_type": "checkout.command-result.v1",
        "ce_id": message.header("ce_id"),
        "ce_source": "/partner/checkout/commands/acme",
        "ce_dataschema": "urn:checkout:schema:checkout.command-result.v1",
        "ce_correlationid": asked.header("ce_id"),
        "ce_causationid": asked.header("ce_id"),
        "ce_subject": begun.basket,
        "ce_partitionkey": begun.basket,
        "ce_partnerorg": "acme",
        "traceparent": asked.header("traceparent"),
    }
    assert re.fullmatch(r"checkout\.commands\.v1/\d+/\d+@\d+/result", message.header("ce_id") or "")


@pytest.mark.usefixtures("working")
async def test_events_of_commands_record_the_caller_and_the_conversation(
    gateway: CommandGateway, store: PostgresEventStore
) -> None:
    asked = initiate(ce_source="gateway-7", ce_correlationid="conversation-1")
    [begun] = await gateway.asks(asked)
    [other] = await gateway.asks(initiate(traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"))

    first, *_ = await metadata_of(store, begun.basket)
    second, *_ = await metadata_of(store, other.basket)
    assert (first["actor"], first["partner"]) == ("kafka:gateway-7", "acme")
    assert (first["correlationId"], first["causationId"]) == ("conversation-1", asked.header("ce_id"))
    assert (second["actor"], second["correlationId"]) == ("kafka:commands", "ab" * 16)


@pytest.mark.usefixtures("working")
async def test_a_repeated_command_runs_once_and_gets_one_response(
    gateway: CommandGateway, store: PostgresEventStore
) -> None:
    [begun] = await gateway.asks(initiate())
    asked = add(begun.basket, quantity=5)
    await gateway.sends(asked, asked)
    await gateway.asks(validate(begun.basket))

    first, second = (await gateway.results([asked.header("ce_id") or ""]))[asked.header("ce_id") or ""]

    assert first.body == second.body
    assert second.headers["idempotent-replayed"] == "true"
    assert first.received.message.header("ce_id") != second.received.message.header("ce_id")
    assert (await types_of(store, begun.basket)).count("checkout.order-item-added.v1") == 2


@pytest.mark.usefixtures("working")
async def test_a_command_id_that_came_with_another_body_is_refused(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate())
    asked = add(begun.basket)
    await gateway.asks(asked)
    other = add(begun.basket, quantity=9, id=asked.header("ce_id"))
    await gateway.sends(other)

    async def both() -> list[int]:
        results = (await gateway.results())[asked.header("ce_id") or ""]
        return [result.status for result in results] if len(results) == 2 else []

    assert await eventually(both) == [200, 422]


ENCODED = "unsupported_content_encoding"
BASKET = "basket-00000000-0000-7000-8000-000000000001"


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (initiate(partner=None), 400, "invalid_header"),
        (command("checkout.delete-basket.v1", {}), 400, "invalid_header"),
        (command(INITIATE, b"no JSON"), 400, "malformed_json"),
        (command(INITIATE, {"order": {"orderItems": 1}}), 422, "invalid_request"),
        (command(UPDATE, {"orderItemActions": []}), 422, "invalid_basket_id"),
        (validate("basket-1"), 422, "invalid_basket_id"),
        (validate(BASKET, ifmatch="three"), 400, "invalid_header"),
        (validate(BASKET, ifnonematch="three"), 400, "invalid_header"),
        (command(INITIATE, b'{"order": {"orderItems": [], "orderItems": []}}'), 400, "repeated_member"),
        (command(INITIATE, b'{"order": {"orderItems": []}}', **{"content-encoding": "gzip"}), 415, ENCODED),
        (command(INITIATE, {"order": {"orderItems": [{}] * 50_000}}), 422, "invalid_request"),
        (command(INITIATE, {"order": {"orderItems": [], "country": "UK"}}), 422, "invalid_request"),
        (command(INITIATE, b"[" * 200_000), 400, "malformed_json"),
        (command(INITIATE, b" " * 300_000), 413, "body_too_large"),
        (validate(BASKET), 404, "basket_not_found"),
    ],
)
async def test_a_command_that_fails_gets_a_problem(
    gateway: CommandGateway, asked: Message, status: int, code: str
) -> None:
    [result] = await gateway.asks(asked)

    assert (result.status, result.body["status"], result.body["code"]) == (status, status, code)
    assert result.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("working")
async def test_unknown_members_are_named_or_refused_as_the_command_prefers(gateway: CommandGateway) -> None:
    body = {"order": {"orderItems": [], "journey": 1}}
    [lenient] = await gateway.asks(command(INITIATE, body))
    [strict] = await gateway.asks(command(INITIATE, body, prefer="handling=strict"))

    assert (lenient.status, lenient.body["ignored"]) == (200, ["/order/journey"])
    assert lenient.headers["preference-applied"] == "handling=lenient"
    assert (strict.status, strict.body["errors"][0]["code"]) == (422, "unknown_field")
    assert (strict.headers["preference-applied"], strict.body["message"]) == ("handling=strict", strict.body["detail"])


@pytest.mark.usefixtures("working")
async def test_a_basket_of_another_organisation_does_not_exist(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate(partner="acme"))
    [theirs] = await gateway.asks(validate(begun.basket, partner="globex"))

    assert (theirs.status, theirs.body["code"]) == (404, "basket_not_found")


@pytest.mark.usefixtures("working")
async def test_a_command_for_another_version_changes_nothing(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate())
    [refused] = await gateway.asks(add(begun.basket, ifmatch='"1"'))
    [done] = await gateway.asks(add(begun.basket, ifmatch='"2"'))

    assert (refused.status, refused.body["version"]) == (412, 2)
    assert done.status == 200


@pytest.mark.usefixtures("working")
async def test_a_repeated_command_for_a_version_gets_its_response_twice(
    gateway: CommandGateway,
) -> None:
    [begun] = await gateway.asks(initiate())
    done, stale = add(begun.basket, ifmatch='"2"'), add(begun.basket, ifmatch='"1"')
    await gateway.sends(done, done, stale, stale)

    async def told(asked: Message) -> list[int]:
        results = (await gateway.results()).get(asked.header("ce_id") or "", [])
        return [result.status for result in results] if len(results) == 2 else []

    assert await eventually(lambda: told(done), limit=60) == [200, 200]
    assert await eventually(lambda: told(stale), limit=60) == [412, 412]


@pytest.mark.usefixtures("working")
async def test_a_command_may_require_a_new_basket(gateway: CommandGateway) -> None:
    external_id = unique("order")
    [begun] = await gateway.asks(initiate(external_id, ifnonematch="*"))
    [refused] = await gateway.asks(initiate(external_id, "o-9", ifnonematch="*"))
    [known] = await gateway.asks(validate(begun.basket, ifnonematch=', "9", W/"2",'))
    [loud] = await gateway.asks(validate("basket-" + begun.basket.removeprefix("basket-").upper()))

    assert (begun.status, refused.status, refused.body["code"]) == (200, 412, "basket_exists")
    assert (known.status, known.body["version"]) == (412, 2)
    assert (loud.status, loud.basket) == (200, begun.basket)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((), {}),
        ((("ifmatch", b'"1"'), ("ifmatch", b'"2"')), {"if-match": '"1", "2"'}),
        ((("ifmatch", b"\xff"),), {"if-match": "\xff"}),
        ((("ifmatch", b""), ("ifnonematch", b"*")), {"if-match": "", "if-none-match": "*"}),
    ],
)
def test_a_precondition_is_never_ignored(headers: tuple[tuple[str, bytes], ...], said: dict[str, str]) -> None:
    message = CommandMessage("c", Message(topics.COMMANDS, None, b"{}", headers), "test")
    assert message.preconditions == said


@pytest.mark.usefixtures("working")
async def test_a_command_without_an_id_becomes_a_dead_letter(
    gateway: CommandGateway, letters: RecordedDeadLetters
) -> None:
    nameless = Message(topics.COMMANDS, unique("key").encode(), b"{}", (("ce_type", INITIATE.encode()),))
    await send_messages(gateway.settings, [nameless])

    [begun] = await gateway.asks(initiate())

    assert begun.status == 200
    assert nameless.key is not None
    await eventually(lambda: letters.about((nameless.key or b"").decode()) == ["no_command_id"])


@pytest.mark.usefixtures("working")
async def test_commands_of_one_basket_run_in_their_order(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate())
    [judged] = await gateway.asks(validate(begun.basket))
    [item] = [line["id"] for line in judged.body["checkout"]["orderItems"]]

    results = await gateway.asks(*(change(begun.basket, item, quantity) for quantity in range(2, 60)))

    befores = [result.body["actionResults"][0]["before"] for result in results]
    assert befores == [*range(1, 59)]


@pytest.mark.usefixtures("working")
async def test_two_initiates_with_one_external_id_make_one_basket(gateway: CommandGateway) -> None:
    results = await gateway.asks(*(initiate("EXT-7", f"o-{number}") for number in range(10)))

    assert len({result.basket for result in results}) == 1


@pytest.mark.usefixtures("working")
async def test_an_order_completes_its_basket_once(
    gateway: CommandGateway, store: PostgresEventStore, letters: RecordedDeadLetters
) -> None:
    [begun] = await gateway.asks(initiate())
    await send_messages(gateway.settings, [order(begun.basket, "order-1"), order(begun.basket, "order-1", extra=1)])

    async def is_completed() -> bool:
        return "checkout.basket-completed.v1" in await types_of(store, begun.basket)

    await eventually(is_completed)
    [refused] = await gateway.asks(add(begun.basket))

    assert (refused.status, refused.body["code"]) == (409, "basket_finished")
    assert (await types_of(store, begun.basket)).count("checkout.basket-completed.v1") == 1
    completed = (await metadata_of(store, begun.basket))[-1]
    assert (completed["partner"], completed["actor"]) == ("acme", "kafka:orders")
    assert (await BasketRepository(store).load(begun.basket)).order_id == "order-1"
    assert letters.about(begun.basket) == []


@pytest.mark.usefixtures("working")
async def test_an_impossible_order_becomes_a_dead_letter(gateway: CommandGateway, letters: RecordedDeadLetters) -> None:
    unknown, other = f"basket-{new_id()}", f"basket-{new_id()}"
    [begun] = await gateway.asks(initiate())
    await send_messages(
        gateway.settings,
        [
            order(unknown),
            order(other, basketId=unknown),
            Message(topics.ORDERS, b"no-basket", b'{"orderId": "order-1"}', ()),
            Message(topics.ORDERS, b"no-order", None, ()),
            order(begun.basket, "order-1"),
            order(begun.basket, "order-2"),
        ],
    )

    def buried() -> dict[str, list[str]]:
        keys = (unknown, other, "no-basket", "no-order", begun.basket)
        return {key: codes for key in keys if (codes := letters.about(key))}

    await eventually(lambda: len(buried()) == 5)
    assert buried() == {
        unknown: ["basket_not_found"],
        other: ["not_an_order"],
        "no-basket": ["not_an_order"],
        "no-order": ["not_an_order"],
        begun.basket: ["other_order"],
    }
    assert not any(letter.basket_id for letter in letters.written), "no view waits for an order"


class AwayForAWhile:
    """An EventStore that is unavailable for its first appends, one of which it stores all the same."""

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self.tries = 0

    async def append(self, append: Append) -> AppendOutcome:
        self.tries += 1
        if self.tries == 2:
            await self._store.append(append)
        if self.tries <= 3:
            raise StoreUnavailable("switched off")
        return await self._store.append(append)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


async def test_while_the_store_is_away_there_is_no_result_and_afterwards_one(
    settings: Settings, gateway: CommandGateway, store: PostgresEventStore
) -> None:
    away = AwayForAWhile(store)
    external_id = unique("EXT")
    worker = command_worker(settings, unique("commands"), store=away)  # type: ignore[arg-type]
    async with worker as at_first, ready_worker(at_first):
        [begun] = await gateway.asks(initiate(external_id))

    assert begun.status == 200
    assert await store.find_claim(f"acme\x1f{external_id}") == begun.basket
    assert (await types_of(store, begun.basket)).count("checkout.basket-initiated.v1") == 1


class Broken(AwayForAWhile):
    """An EventStore with a bug."""

    async def append(self, append: Append) -> AppendOutcome:
        raise ZeroDivisionError("a mistake")


async def test_log_lines_of_a_command_name_its_organisation(
    settings: Settings, gateway: CommandGateway, store: PostgresEventStore
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = initiate(unique("EXT"), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    worker = command_worker(settings, unique("commands"), store=Broken(store))  # type: ignore[arg-type]
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with worker as at_first, ready_worker(at_first):
            [result] = await gateway.asks(sent)
    assert result.status == 500
    whose = {"command": sent.header("ce_id"), "organisation": "acme", "trace": trace}
    # The topic has commands of other tests too.
    about = [line for line in lines if line.get("command") == whose["command"]]
    assert [line["event"] for line in about] == ["unexpected_failure", "command"]
    assert [{name: line.get(name) for name in whose} for line in about] == [whose] * 2


async def test_a_standby_takes_over(settings: Settings, gateway: CommandGateway) -> None:
    group = unique("commands")
    async with command_worker(settings, group) as second:
        async with command_worker(settings, group) as first, ready_worker(first):
            standing_by = ready_worker(second)
            await standing_by.__aenter__()
            [begun] = await gateway.asks(initiate())
        [done] = await gateway.asks(add(begun.basket))
        await standing_by.__aexit__(None, None, None)

    assert (begun.status, done.status) == (200, 200)


async def test_a_worker_killed_again_and_again_runs_each_command_once_and_publishes_one_result(
    transactional_kafka: KafkaServer, settings: Settings, gateway: CommandGateway, store: PostgresEventStore
) -> None:
    group = unique("commands")
    random.seed(11)
    baskets: list[str] = []
    async with command_process(settings, group) as worker:
        assert await worker.line() == "ready"
        baskets += [begun.basket for begun in await gateway.asks(*(initiate() for _ in range(8)))]
        await worker.kill()
    enough = asyncio.Event()
    sending = asyncio.create_task(_keeps_adding(gateway, baskets, enough))
    for _ in range(6):
        async with command_process(settings, group) as worker:
            answered = len(await gateway.results())

            async def further(than: int = answered) -> bool:
                return len(await gateway.results()) > than

            await eventually(further)
            await asyncio.sleep(random.uniform(0, 0.1))
            await worker.kill()
    enough.set()
    await sending
    async with command_process(settings, group) as worker:
        assert await worker.line() == "ready"

        async def all_answered() -> bool:
            return len(await gateway.results()) == len(gateway.sent)

        await eventually(all_answered, every=0.1)

    results = await gateway.results()
    assert {id: len(told) for id, told in results.items()} == dict.fromkeys(gateway.sent, 1)
    assert {told[0].status for told in results.values()} == {200}
    causes = [
        entry["causationId"]
        for basket in baskets
        for entry, type in zip(await metadata_of(store, basket), await types_of(store, basket), strict=True)
        if type != "checkout.basket-initiated.v1"
    ]
    added = Counter(causes)
    updates = [id for id, [told] in results.items() if "actionResults" in told.body]
    assert len(updates) == len(gateway.sent) - len(baskets)
    assert {id: added[id] for id in updates} == dict.fromkeys(updates, 1)


async def _keeps_adding(gateway: CommandGateway, baskets: list[str], enough: asyncio.Event) -> None:
    while not enough.is_set():
        await gateway.sends(*(add(random.choice(baskets), unique("o")) for _ in range(10)))
        await asyncio.sleep(random.uniform(0.02, 0.1))


async def test_commands_work_on_the_embedded_broker(database_url: str, tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(
            broker.bootstrap_servers, database_url, kafka_delivery="at_least_once", kafka_partitions=2
        )
        await ensure_topics(settings)
        group = unique("commands")
        asked = [initiate("EXT-1", "o-1"), initiate("EXT-1", "o-2")]
        for count, message in enumerate(asked, start=1):
            async with command_worker(settings, group) as worker, ready_worker(worker):
                await send_messages(settings, [message])
                results = await _first_results(settings, count)

    assert [result["commandId"] for result in results] == [message.header("ce_id") for message in asked]
    assert [result["status"] for result in results] == [200, 200]
    assert len({result["body"]["id"] for result in results}) == 1


async def _first_results(settings: Settings, count: int) -> list[dict[str, Any]]:
    """The first results in their topic. The embedded broker reports a wrong end, so nothing asks for it."""
    reader = consumer(settings, topics.COMMAND_RESULTS, group=None)
    await reader.start()
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(WAIT_LIMIT_SECONDS):
            while len(found) < count:
                for records in (await reader.getmany(timeout_ms=50)).values():
                    found += [json.loads(record.value) for record in records]
    finally:
        await reader.stop()
    return found
