"""Republishing with a real PostgreSQL and a real Kafka."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.clients import admin, producer
from adapters.kafka.messages import Received, basket_event_message
from adapters.kafka.producer import send_all
from adapters.kafka.replay import replay_message
from adapters.kafka.topics import BASKET_EVENTS, VALIDATION_RESULTS, ensure_topics
from adapters.settings import Settings
from cli.commands import app
from domain.basket.request_spans import RequestSpanReader
from domain.operators.republish.republish import ReplayedEvent, Republication, RepublishRequest
from domain.ports.messaging import Publication
from domain.shared.request_span import RequestSpan
from tests.adapters.kafka.test_publisher import vanished
from tests.basket_traffic import event_message, send, streaming_settings, topic_content
from tests.builders import caller, validate
from tests.cli.dead_letter_setup import ADA, Office, open_office
from tests.cli.resending import resending
from tests.servers.checkout_command import environment_of, run_with
from tests.servers.kafka import KafkaServer
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.workers.test_projector import done_with


@pytest.fixture
def topic() -> str:
    return f"replay-{uuid.uuid4().hex}"


async def begin(office: Office, topic: str, **asked: object) -> Republication:
    request = RepublishRequest.model_validate({"topic": topic, **asked})
    return await office.parts.republisher.begin(request, ADA)


async def sent(office: Office, run: Republication) -> None:
    assert (await office.parts.republisher.send(run, asyncio.Event())).complete


async def replayed(office: Office, topic: str) -> list[Received]:
    return await topic_content(office.settings, topic, office.partner.basket_ids)


async def is_all_there_once(office: Office, topic: str) -> bool:
    """Whether a read_committed reader gets every event once, in order per basket."""
    found: dict[str, list[str]] = {}
    for message in await replayed(office, topic):
        found.setdefault(message.message.header("ce_subject") or "", []).append(
            message.message.header("ce_sequence") or ""
        )
    stored = await office.partner.stored()
    # The names alone: pytest would look for minutes for the difference between megabytes of events.
    wrong = [id for id, events in stored.items() if found.get(id) != [f"{n:010}" for n in range(1, len(events) + 1)]]
    assert not wrong
    assert found.keys() == stored.keys()
    return True


async def partitions(settings: Settings, *topics: str) -> list[int]:
    client = admin(settings)
    await client.start()
    try:
        described = await client.describe_topics([*topics])
        count = {topic["topic"]: len(topic["partitions"]) for topic in described}
        return [count[topic] for topic in topics]
    finally:
        await client.close()


async def test_replayed_messages_equal_the_published_ones_and_are_marked_as_replays(office: Office, topic: str) -> None:
    await office.partner.fills_baskets(3)

    ended = await run_with(office.settings, "republish", "--to", topic, "--reason", "a new reader", "--json")

    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert (document["progress"]["sent"], document["progress"]["complete"]) == (27, True)
    assert await is_all_there_once(office, topic)
    assert len({*await partitions(office.settings, topic, BASKET_EVENTS)}) == 1
    (basket_id, *_) = office.partner.basket_ids
    events = await office.parts.event_store.read_events(basket_id)
    requests = await RequestSpanReader(office.parts.event_store).of(events)
    received = await topic_content(office.settings, topic, [basket_id])
    for message, event, request in zip(received, events, requests, strict=True):
        live = basket_event_message(Publication(event, request))
        assert (message.message.key, message.message.value) == (live.key, live.value)
        assert message.message.headers[:-2] == live.headers
        names = [name for name, _ in message.message.headers[-2:]]
        assert names == ["ce_replay", "ce_replaytime"]
        assert message.message.header("ce_replay") == document["run"]["id"]
    assert await topic_content(office.settings, BASKET_EVENTS, office.partner.basket_ids) == []
    (action,) = await office.parts.audit_log.newest(None, 5)
    assert (action.type, action.operator.reason) == ("operations.history-republished.v1", "a new reader")
    assert action.scope["topic"] == topic


async def test_whole_verdicts_are_republished_on_request(office: Office, topic: str) -> None:
    basket = await office.partner.fills_a_basket()
    await office.partner.fills_a_basket()

    await sent(office, await begin(office, topic, content="verdicts", basket_id=basket.id))

    found = await replayed(office, topic)
    assert [message.message.header("ce_id") for message in found] == [f"{basket.id}/{n}/verdict" for n in (7, 9)]
    assert [json.loads(message.message.value or b"")["basketVersion"] for message in found] == [6, 8]
    assert {message.message.header("ce_type") for message in found} == {"checkout.validation-result.v1"}
    assert await topic_content(office.settings, VALIDATION_RESULTS, [basket.id]) == []


async def test_a_run_killed_and_resumed_repeatedly_sends_every_event_exactly_once(
    transactional_kafka: KafkaServer, office: Office, topic: str
) -> None:
    await office.partner.fills_baskets(80)
    begun = await begin(office, topic)
    random.seed(5)
    cut_off = 0
    for _ in range(4):
        async with resending(office.settings, begun.id) as process:
            said = [await process.line() for _ in range(random.randrange(2, 6))]
            await asyncio.sleep(random.uniform(0, 0.05))
            await process.kill()
            cut_off += said[-1].startswith("sent ")
    assert cut_off > 1, "it was killed after its end only"
    async with resending(office.settings, begun.id) as process:
        assert await process.end() == 0

    assert await is_all_there_once(office, topic)


async def test_messages_of_an_open_transaction_are_never_seen_and_sent_again(
    transactional_kafka: KafkaServer, office: Office, topic: str
) -> None:
    basket = await office.partner.fills_a_basket()
    begun = await begin(office, topic)
    client = producer(office.settings, transactional_id=f"republish-{begun.id}")
    await client.start()
    await client.begin_transaction()
    stored = await office.parts.event_store.read_events(basket.id)
    await send_all(
        client,
        [
            replay_message(ReplayedEvent(event, RequestSpan(event.version, event.version), run=begun))
            for event in stored[:5]
        ],
    )
    await vanished(client)

    await sent(office, begun)

    assert await is_all_there_once(office, topic)


async def test_two_processes_that_resume_one_run_send_nothing_twice(
    transactional_kafka: KafkaServer, office: Office, topic: str
) -> None:
    await office.partner.fills_baskets(40)
    begun = await begin(office, topic)
    async with resending(office.settings, begun.id) as one, resending(office.settings, begun.id) as other:
        codes = [await one.end(), await other.end()]

    assert 0 in codes
    assert await is_all_there_once(office, topic)


async def test_an_interrupted_run_says_how_to_resume_and_then_sends_the_rest(office: Office, topic: str) -> None:
    await office.partner.fills_baskets(5)
    asked = ("republish", "--to", topic, "--rate", "10", "--reason", "a new reader", "--json")
    async with Program("-m", "cli", *asked, environment=environment_of(office.settings)) as process:
        await eventually(lambda: begun_to_arrive(office, topic), limit=30, every=0.1)
        assert await process.stop(signal.SIGINT) == 130
        document = json.loads(await process.line())
        assert "--resume" in await process.errors()
    assert (document["interrupted"], document["progress"]["complete"]) == (True, False)

    again = await run_with(office.settings, "republish", "--resume", document["run"]["id"], "--reason", "go on")

    assert again.code == 0, again.err
    if office.settings.kafka_delivery == "exactly_once":
        assert await is_all_there_once(office, topic)


async def begun_to_arrive(office: Office, topic: str) -> bool:
    there = (await partitions(office.settings, topic))[0] > 0
    return there and len(await replayed(office, topic)) > 0


async def test_a_live_topic_receives_nothing_unless_its_name_is_confirmed(
    office: Office,
) -> None:
    basket = await office.partner.fills_a_basket()
    to_live = ("republish", "--to", BASKET_EVENTS, "--basket", basket.id, "--reason", "by mistake")

    for confirmation in ((), ("--live", "--confirm", "checkout.basket-events")):
        ended = await run_with(office.settings, *to_live, *confirmation)
        assert (ended.code, "is live" in ended.err) == (1, True)

    assert await office.parts.audit_log.newest(None, 5) == []
    assert await topic_content(office.settings, BASKET_EVENTS, [basket.id]) == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("--to", "t", "--resume", "x"), ("--resume", "x", "--live"), ("--resume", "x", "--partner", "acme")],
)
def test_contradicting_options_are_refused(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["republish", *arguments, "--reason", "x"]).exit_code == 2


async def test_a_replay_on_the_live_topic_does_not_change_views(office: Office) -> None:
    basket = await office.partner.fills_a_basket()
    stored = await office.parts.event_store.read_events(basket.id)
    async with office.projecting():
        await send(office.settings, [event_message(event) for event in stored])
        version = stored[-1].version
        await eventually(lambda: is_at(office, basket.id, version), limit=20, every=0.05)
        before = await office.parts.basket_views.snapshots([basket.id])

        asked = {"live": True, "confirmed": BASKET_EVENTS, "basket_id": basket.id}
        await sent(office, await begin(office, BASKET_EVENTS, **asked))

        messages = await topic_content(office.settings, BASKET_EVENTS, [basket.id])
        assert [message.message.header("ce_replay") is not None for message in messages] == [False] * 9 + [True] * 9
        await eventually(lambda: done_with(office.settings, office.group, messages[-1].source), limit=20, every=0.05)
        assert await office.parts.basket_views.snapshots([basket.id]) == before
        assert (await office.box.list(basket_id=basket.id)).letters == ()
        await office.partner.handlers.validate(validate(basket.id), caller())
        newest = (await office.parts.event_store.read_events(basket.id))[-1]
        await send(office.settings, [event_message(newest)])
        await eventually(lambda: is_at(office, basket.id, version + 1), limit=20, every=0.05)


async def is_at(office: Office, basket_id: str, version: int) -> bool:
    return await office.parts.basket_views.versions([basket_id]) == {basket_id: version}


async def test_without_transactions_it_warns_and_sends_at_least_once(
    tmp_path: Path, database_url: str, topic: str
) -> None:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(
            broker.bootstrap_servers,
            database_url,
            kafka_delivery="at_least_once",
            kafka_session_timeout_ms=1_000,
        )
        await ensure_topics(settings)
        async with open_office(settings) as office:
            await office.partner.fills_baskets(2)
            ended = await run_with(settings, "republish", "--to", topic, "--reason", "a new reader", "--json")
            assert ended.code == 0, ended.err
            assert "no transactions" in ended.err
            assert json.loads(ended.out)["progress"]["sent"] == 18
