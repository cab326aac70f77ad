"""Verdicts, states, reports and commands, on a Kafka in memory."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from checkout_client.jwks import JwkSet
from checkout_client.kafka import (
    CommandSender,
    DeadLetterTopic,
    FailedMessages,
    InvalidConnection,
    InvalidMessage,
    KafkaConnection,
    MessageFailed,
    NoResult,
    OrderReporter,
    Record,
    StateReader,
    VerdictReader,
)
from checkout_client.kafka.messages import (
    BASKETS_TOPIC,
    COMMAND_RESULTS_TOPIC,
    ORDER_RESULTS_TOPIC,
    ORDERS_TOPIC,
    VERDICTS_TOPIC,
)
from checkout_client.models.answers import Basket
from checkout_client.models.commands import OrderReport
from checkout_client.promises import PromiseChecker
from tests.clients.event_messages import basket_id, event_headers
from tests.clients.fake_kafka import FakeKafka, FakeRecord

LIMIT = 10.0
PLACED = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


def order(basket: int, version: int, **members: Any) -> dict[str, Any]:
    """What GET answers."""
    named = dict.fromkeys(("external_id", "country", "currency", "source", "order_type", "total"))
    times = dict.fromkeys(("created", "modified", "expiresAt"), "2026-11-28T10:00:00Z")
    content = {"id": basket_id(basket), "status": "open", "version": version, "tracking": {}, "customFields": {}}
    return {"id": basket_id(basket), "order": {**content, "orderItems": [], **named, **times, **members}}


def publish_state(kafka: FakeKafka, basket: int, version: int, partition: int = 0, *, tombstone: bool = False) -> None:
    headers = {**event_headers(basket_id(basket), version, 1, 1), "ce_type": "checkout.basket.v1"}
    value = None if tombstone else json.dumps(order(basket, version)).encode()
    kafka.add(BASKETS_TOPIC, partition, value, headers, key=basket_id(basket))


def publish_verdict(kafka: FakeKafka, basket: int, version: int, **members: Any) -> None:
    headers = {**event_headers(basket_id(basket), version, 1, 1), "ce_type": "checkout.validation-result.v1"}
    verdict = {
        "id": basket_id(basket),
        "checkout": order(basket, version - 1)["order"],
        "ready": True,
        "blockedProducts": [],
        "validationErrors": [],
        "basketVersion": version - 1,
        "validatedAt": "2026-11-28T10:00:00Z",
        "evidence": [],
        **members,
    }
    kafka.add(VERDICTS_TOPIC, 0, json.dumps(verdict).encode(), headers, key=basket_id(basket))


async def test_a_repeated_verdict_is_passed_over_and_its_position_is_committed() -> None:
    kafka = FakeKafka()
    for version in (2, 3, 2, 3, 4):
        publish_verdict(kafka, 1, version)
    async with VerdictReader(kafka.connection, group="orders") as reader, asyncio.timeout(LIMIT):
        assert [(await anext(reader)).data.basket_version for _ in range(3)] == [1, 2, 3]
        await reader.commit()
    assert kafka.committed["orders", kafka.of(VERDICTS_TOPIC)[0]] == 5


async def test_a_promise_that_is_none_is_handed_over_as_refused() -> None:
    kafka = FakeKafka()
    publish_verdict(kafka, 1, 2, promise="not.a.promise")
    publish_verdict(kafka, 1, 3)
    async with VerdictReader(kafka.connection, promises=PromiseChecker(JwkSet({}))) as reader, asyncio.timeout(LIMIT):
        refused, without = await anext(reader), await anext(reader)
    assert refused.promise is None
    assert refused.refused is not None
    assert refused.refused.reason == "unreadable"
    assert (without.promise, without.refused) == (None, None)


async def test_the_mapping_has_the_highest_versions_and_no_tombstones() -> None:
    kafka = FakeKafka()
    publish_state(kafka, 1, 3)
    publish_state(kafka, 1, 2, partition=1)  # an older one, from before partitions were added
    publish_state(kafka, 2, 5, tombstone=True)
    publish_state(kafka, 2, 4, partition=2)
    async with StateReader(kafka.connection) as baskets, asyncio.timeout(LIMIT):
        await baskets.ready()
        assert {id: basket.order.version for id, basket in baskets.items()} == {basket_id(1): 3}
        publish_state(kafka, 1, 4)
        publish_state(kafka, 3, 1)
        await baskets.reach(basket_id(1), 4)
        await baskets.reach(basket_id(3), 1)
        assert len(baskets) == 2
        publish_state(kafka, 1, 5, tombstone=True)
        await baskets.reach(basket_id(1), 5)
        assert [*baskets] == [basket_id(3)]


async def test_a_cache_keeps_what_it_is_told_to_keep() -> None:
    kafka = FakeKafka()
    publish_state(kafka, 1, 3)
    publish_state(kafka, 2, 1)

    def keep(basket: Basket) -> int | None:
        return basket.order.version if basket.order.version > 1 else None

    async with StateReader(kafka.connection, keep=keep) as versions, asyncio.timeout(LIMIT):
        await versions.ready()
        assert dict(versions) == {basket_id(1): 3}
        assert versions.version(basket_id(2)) == 1


async def test_a_state_that_cannot_be_read_ends_reading() -> None:
    kafka = FakeKafka()
    kafka.add(BASKETS_TOPIC, 0, b"{}", event_headers(basket_id(1), 1, 1, 1), key=basket_id(1))
    async with StateReader(kafka.connection) as baskets, asyncio.timeout(LIMIT):
        with pytest.raises(MessageFailed, match="this is no basket"):
            await baskets.ready()


def a_result(report: FakeRecord, **members: Any) -> bytes:
    said = json.loads(report.value or b"")
    result = {"basketId": said["basketId"], "orderId": said["orderId"], "status": "placed", "outcome": "completed"}
    nothing = dict.fromkeys(("code", "message", "basketVersion", "currentVersion", "partner"))
    return json.dumps({**result, **nothing, "decidedAt": "2026-11-28T10:00:01Z", **members}).encode()


async def test_a_report_gets_its_result_and_the_same_report_is_the_same_message() -> None:
    kafka = FakeKafka()
    kafka.add(ORDER_RESULTS_TOPIC, 0, b"{}", {"ce_correlationid": "another"})

    def answer(report: FakeRecord) -> None:
        id = dict(report.headers)["ce_id"].decode()
        kafka.add(ORDER_RESULTS_TOPIC, 1, b"of others", {"ce_correlationid": "another"})
        kafka.add(ORDER_RESULTS_TOPIC, 1, a_result(report), {"ce_correlationid": id})

    kafka.on_send = answer
    report = OrderReport(basket_id=basket_id(1), order_id="order-1", basket_version=3)
    async with OrderReporter(kafka.connection, source="/shop/orders") as reporter, asyncio.timeout(LIMIT):
        assert (await reporter.report(report, placed_at=PLACED)).outcome == "completed"
        elsewhere = PLACED.astimezone(timezone(timedelta(hours=1)))
        await reporter.report(report, placed_at=elsewhere)
        await reporter.report(report.model_copy(update={"basket_version": 4}), placed_at=PLACED)
    first, second, other = kafka.log[kafka.of(ORDERS_TOPIC)[0]]
    assert (first.key, first.value, first.headers) == (second.key, second.value, second.headers)
    assert dict(other.headers)["ce_id"] != dict(first.headers)["ce_id"]
    assert json.loads(first.value or b"") == {
        "basketId": basket_id(1),
        "orderId": "order-1",
        "basketVersion": 3,
        "status": "placed",
    }
    attributes = {name: text.decode() for name, text in first.headers}
    assert attributes.pop("ce_id").startswith("order-1/placed/")
    assert attributes == {
        "ce_specversion": "1.0",
        "ce_type": "checkout.orders.v1",
        "ce_source": "/shop/orders",
        "ce_time": "2026-11-28T10:00:00Z",
        "ce_subject": basket_id(1),
        "ce_partitionkey": basket_id(1),
        "ce_dataschema": "urn:checkout:schema:checkout.orders.v1",
        "content-type": "application/json",
    }


async def test_two_callers_with_one_report_both_get_its_result() -> None:
    kafka = FakeKafka()
    reports: list[FakeRecord] = []

    def answer_the_second(report: FakeRecord) -> None:
        reports.append(report)
        if len(reports) == 2:
            id = dict(report.headers)["ce_id"].decode()
            kafka.add(ORDER_RESULTS_TOPIC, 0, a_result(report), {"ce_correlationid": id})

    kafka.on_send = answer_the_second
    report = OrderReport(basket_id=basket_id(1), order_id="order-1", basket_version=3)
    async with OrderReporter(kafka.connection) as reporter, asyncio.timeout(LIMIT):
        results = await asyncio.gather(*(reporter.report(report, placed_at=PLACED) for _ in range(2)))
    assert [result.outcome for result in results] == ["completed", "completed"]


async def test_a_result_that_does_not_come_names_the_report() -> None:
    kafka = FakeKafka()
    report = OrderReport(basket_id=basket_id(1), order_id="order-1", basket_version=3)
    async with OrderReporter(kafka.connection) as reporter:
        with pytest.raises(NoResult, match="order-1/placed/") as missing:
            await reporter.report(report, placed_at=PLACED, seconds=0.01)
        assert await reporter.send(report, placed_at=PLACED) == missing.value.id
        with pytest.raises(ValueError, match="time zone"):
            await reporter.report(report, placed_at=datetime(2026, 11, 28))  # noqa: DTZ001
        with pytest.raises(ValueError, match="must name its basket"):
            await reporter.report(OrderReport(order_id="order-1"), placed_at=PLACED)


async def test_a_command_names_its_organisation_and_gets_its_result() -> None:
    kafka, sent = FakeKafka(), list[FakeRecord]()

    def answer(command: FakeRecord) -> None:
        sent.append(command)
        id = dict(command.headers)["ce_id"].decode()
        result = {"commandId": id, "status": 200, "headers": {}, "body": {"id": "b"}}
        kafka.add(COMMAND_RESULTS_TOPIC, 0, json.dumps(result).encode(), {"ce_correlationid": id})

    kafka.on_send = answer
    async with CommandSender(kafka.connection, partner="shop") as sender, asyncio.timeout(LIMIT):
        result = await sender.validate(basket_id(1), id="c-1", headers={"ifmatch": '"3"'})
    assert (result.command_id, result.status, result.body) == ("c-1", 200, {"id": "b"})
    headers = {name: text.decode() for name, text in sent[0].headers}
    assert (headers["ce_id"], headers["ce_type"]) == ("c-1", "checkout.validate-basket.v1")
    assert (headers["ce_partnerorg"], headers["ce_subject"], headers["ifmatch"]) == ("shop", basket_id(1), '"3"')
    assert (sent[0].key, sent[0].value) == (basket_id(1).encode(), None)


async def test_a_dead_letter_topic_gets_the_messages_as_they_are() -> None:
    kafka = FakeKafka()
    record = Record("events", 1, 7, b"key", b"value", (("ce_id", b"e-1"),))
    failed = FailedMessages("key", (record,), InvalidMessage("it is torn"), 0)
    async with DeadLetterTopic(kafka.connection, "my-dead-letters") as hook:
        await hook(failed)
    (letter,) = kafka.log[kafka.of("my-dead-letters")[0]]
    assert (letter.key, letter.value) == (b"key", b"value")
    assert dict(letter.headers) == {
        "ce_id": b"e-1",
        "deadletter_place": b"events, partition 1, offset 7",
        "deadletter_error": b"InvalidMessage: it is torn",
        "deadletter_attempts": b"0",
    }


def test_the_environment_names_the_broker() -> None:
    variables = {"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": "k:1", "CHECKOUT_KAFKA_DELIVERY": "at_least_once"}
    connection = KafkaConnection.from_environment(variables)
    assert (connection.bootstrap_servers, connection.transactions) == ("k:1", False)
    with pytest.raises(InvalidConnection, match="checkout env"):
        KafkaConnection.from_environment({})
    with pytest.raises(InvalidConnection, match="CHECKOUT_KAFKA_SESSION_TIMEOUT_MS is no whole number"):
        KafkaConnection.from_environment({**variables, "CHECKOUT_KAFKA_SESSION_TIMEOUT_MS": "soon"})
    assert (
        KafkaConnection.from_environment({**variables, "CHECKOUT_KAFKA_SESSION_TIMEOUT_MS": "6000"}).session_timeout_ms
        == 6_000
    )
    with pytest.raises(InvalidConnection, match="needs a user"):
        KafkaConnection("k:1", security_protocol="SASL_SSL").client_options()
    signed_in = KafkaConnection("k:1", security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password="secret")
    assert "secret" not in repr(signed_in)
    assert signed_in.with_options(client_id="me").client_options()["client_id"] == "me"
