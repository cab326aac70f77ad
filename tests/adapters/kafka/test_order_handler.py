"""Reports of order services on baskets in memory: their results and dead letters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from adapters.kafka.cloud_events import rfc3339
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler, SettledOrder
from adapters.kafka.order_messages import InvalidOrderMessage, parse_order
from adapters.kafka.topics import ORDER_RESULTS, ORDERS
from adapters.promises.jws import JwsPromiseSigner, JwsPromiseVerifier
from adapters.promises.keys import PromiseKey
from domain.ports.promises import PromiseVerifier
from domain.shared.values import MessageSource
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    InMemoryCheckout,
    add,
    availability,
    basket_id,
    caller,
    cancel,
    initiate,
    item,
    offer,
    price,
    update,
    validate,
)
from tests.builders.archive import nothing_archived
from tests.fakes.promises import InMemoryPromises

Told = dict[str, Any]


@dataclass
class Orders:
    """The topic of orders, with a handler."""

    checkout: InMemoryCheckout = field(default_factory=InMemoryCheckout)
    verifier: PromiseVerifier | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        self.promises = InMemoryPromises()
        verifier = self.verifier or self.promises
        self.handler = OrderHandler(self.checkout.handlers.real, verifier, nothing_archived, self.checkout.ids)

    async def begin(self, **values: Any) -> str:
        """A basket with one line, at version 2."""
        return (await self.checkout.handlers.initiate(initiate(item("o-1"), **values), caller())).basket.id

    async def change(self, id: str) -> None:
        await self.checkout.handlers.update(update(id, add("o-2")), caller())

    def received(self, id: str, at: datetime | None = NOW, headers: Told | None = None, **value: Any) -> Received:
        """The next message of the topic."""
        self.offset += 1
        encoded = tuple((name, text.encode()) for name, text in (headers or {}).items())
        document = json.dumps({"orderId": "order-1", **value}).encode()
        return Received(Message(ORDERS, id.encode(), document, encoded), MessageSource(ORDERS, 3, self.offset), at=at)

    async def settle(self, received: Received, retry: str | None = None) -> SettledOrder:
        message = received.message
        return await self.handler.settle(parse_order(message.key, message.value), received, retry=retry)

    async def report(self, id: str, **values: Any) -> Told:
        return told(await self.settle(self.received(id, **values)))


def told(settled: SettledOrder) -> Told:
    document: Told = json.loads(settled.result.value or b"")
    return document


def outcome(document: Told) -> tuple[str, str | None]:
    return document["outcome"], document["code"]


async def test_a_result_names_the_basket_the_order_both_versions_and_what_became_of_it() -> None:
    orders = Orders()
    id = await orders.begin()
    await orders.change(id)
    settled = await orders.settle(orders.received(id, basketVersion=2))
    assert told(settled) == {
        "basketId": id,
        "orderId": "order-1",
        "status": "placed",
        "outcome": "refused",
        "code": "basket_changed",
        "message": "the basket's content is another than at version 2",
        "basketVersion": 2,
        "currentVersion": 3,
        "partner": "acme",
        "decidedAt": rfc3339(NOW),
    }
    message = settled.result
    assert (message.topic, message.key) == (ORDER_RESULTS, id.encode())
    told_by_headers = {name: message.header(name) for name in ("ce_type", "ce_subject", "ce_partnerorg", "ce_time")}
    assert told_by_headers == {
        "ce_type": "checkout.order-result.v1",
        "ce_subject": id,
        "ce_partnerorg": "acme",
        "ce_time": rfc3339(NOW),
    }
    assert message.header("ce_correlationid") == f"{ORDERS}/3/1"


async def test_a_message_that_is_settled_again_gets_the_same_result_whatever_happened_since() -> None:
    orders = Orders()
    id = await orders.begin()
    placed, rejected = orders.received(id, basketVersion=2), orders.received(id, status="rejected")
    first, second = await orders.settle(placed), await orders.settle(rejected)
    await orders.change(id)
    orders.checkout.clock.advance(SECOND)
    again = Orders(orders.checkout)
    repeated = [await again.settle(placed), await again.settle(rejected)]
    assert [each.result.value for each in repeated] == [first.result.value, second.result.value]
    assert [each.result.header("ce_id") for each in repeated] == [
        first.result.header("ce_id"),
        second.result.header("ce_id"),
    ]
    assert first.result.header("ce_id") != second.result.header("ce_id")
    assert (await orders.checkout.handlers.get(id, "acme")).status == "open"


async def test_a_report_without_a_basket_gets_the_same_result_again() -> None:
    orders = Orders()
    received = orders.received(basket_id(99))
    first = await orders.settle(received)
    orders.checkout.clock.advance(SECOND)
    again = await Orders(orders.checkout).settle(received)
    assert again.result.value == first.result.value
    assert again.letter is not None


async def test_a_report_that_its_sender_sends_twice_is_settled_once_and_has_two_results() -> None:
    orders = Orders()
    id = await orders.begin()
    named = {"ce_source": "orders", "ce_id": "1"}
    first = await orders.settle(orders.received(id, headers=named))
    await orders.report(id, status="rejected")
    second = await orders.settle(orders.received(id, headers=named))
    assert second.result.value == first.result.value
    assert second.result.header("ce_id") != first.result.header("ce_id")
    assert (await orders.checkout.handlers.get(id, "acme")).status == "open"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"headers": {"ce_source": "a", "ce_id": "1"}}, {"headers": {"ce_source": "b", "ce_id": "1"}}),
        ({"headers": {"ce_source": "a", "ce_id": "1"}}, {"headers": {"ce_source": "a", "ce_id": "1"}, "note": 1}),
        ({"headers": {"ce_id": "1"}}, {"headers": {"ce_id": "1"}}),
        ({}, {}),
    ],
)
async def test_two_reports_have_two_results(one: Told, other: Told) -> None:
    orders = Orders()
    id = await orders.begin()
    results = [await orders.settle(orders.received(id, **report)) for report in (one, other)]
    assert len({each.result.header("ce_id") for each in results}) == 2
    assert [outcome(told(each)) for each in results] == [("completed", None)] * 2


@pytest.mark.parametrize("values", [{"at": NOW + SECOND}, {"at": None, "orderId": "order-2"}])
async def test_another_message_at_the_same_place_of_a_new_topic_is_another_report(values: Told) -> None:
    orders = Orders()
    id = await orders.begin()
    await orders.settle(orders.received(id, at=None if values["at"] is None else NOW))
    orders.offset = 0
    expected = ("refused", "already_completed") if "orderId" in values else ("completed", None)
    second = await orders.settle(orders.received(id, **values))
    assert (outcome(told(second)), told(second)["orderId"]) == (expected, values.get("orderId", "order-1"))


async def test_a_promise_names_the_version() -> None:
    orders = Orders()
    id = await orders.begin()
    promise = orders.promises.make(id, 2)
    await orders.change(id)
    changed = await orders.report(id, promise=promise)
    assert (*outcome(changed), changed["basketVersion"]) == ("refused", "basket_changed", 2)
    assert outcome(await orders.report(id, promise=orders.promises.make(id, 3), basketVersion=3)) == ("completed", None)


async def test_the_promise_of_a_verdict_places_an_order_until_the_basket_changes() -> None:
    key = PromiseKey.new(NOW, NOW)
    verifier = JwsPromiseVerifier(lambda key_id, _: key.public if key_id == key.id else None, "checkout", lambda: NOW)
    signer = JwsPromiseSigner(lambda _: key, "checkout")
    orders = Orders(InMemoryCheckout(signer=signer), verifier)
    await orders.checkout.record(offer("o-1"), price("o-1"), availability())
    id = await orders.begin(data_subject="p-1")
    judged = await orders.checkout.handlers.validate(validate(id), caller())
    await orders.checkout.handlers.validate(validate(id), caller())
    await orders.checkout.forget(id)
    promise = judged.promise
    assert promise is not None
    placed = await orders.report(id, promise=promise)
    assert (*outcome(placed), placed["basketVersion"]) == ("completed", None, 2)
    await orders.report(id, status="rejected")
    await orders.change(id)
    assert outcome(await orders.report(id, promise=promise)) == ("refused", "basket_changed")
    forged = f"{promise[:-4]}AAAA"
    assert outcome(await orders.report(id, promise=forged)) == ("refused", "invalid_promise")


async def test_a_promise_that_nobody_made_or_of_another_basket_or_version_is_refused() -> None:
    orders = Orders()
    id, other = await orders.begin(), await orders.begin()
    reports: list[Told] = [
        {"promise": "e30.e30.e30"},
        {"promise": ""},
        {"promise": orders.promises.make(other, 2)},
        {"promise": orders.promises.make(id, 2), "basketVersion": 1},
    ]
    for report in reports:
        assert outcome(await orders.report(id, **report)) == ("refused", "invalid_promise")
    assert (await orders.checkout.handlers.get(id, "acme")).status == "open"


@pytest.mark.parametrize(
    ("headers", "at", "expected"),
    [
        ({}, NOW + LIFETIME - SECOND, ("completed", None)),
        ({}, NOW + LIFETIME, ("refused", "basket_expired")),
        ({"ce_time": rfc3339(NOW)}, NOW + LIFETIME, ("completed", None)),
        ({"ce_time": rfc3339(NOW + LIFETIME)}, NOW, ("refused", "basket_expired")),
        ({"ce_time": "yesterday"}, NOW + LIFETIME, ("refused", "basket_expired")),
        ({}, None, ("completed", None)),
    ],
)
async def test_a_late_order_counts_by_its_own_time_else_by_that_of_its_message(
    headers: Told, at: datetime | None, expected: tuple[str, str | None]
) -> None:
    orders = Orders()
    id = await orders.begin()
    orders.checkout.clock.advance(LIFETIME + SECOND)
    assert outcome(await orders.report(id, at=at, headers=headers)) == expected


async def test_a_rejected_order_opens_its_basket_with_its_reason() -> None:
    orders = Orders()
    id = await orders.begin()
    await orders.report(id)
    reopened = await orders.report(id, status="rejected", reason="the card was declined")
    assert (*outcome(reopened), reopened["status"], reopened["currentVersion"]) == ("reopened", None, "rejected", 4)
    (*_, event) = await orders.checkout.history(id)
    assert json.loads(event.model_dump_json())["reason"] == "the card was declined"


async def test_a_refused_order_without_a_version_is_a_dead_letter_too() -> None:
    orders = Orders()
    done, cancelled, late = await orders.begin(), await orders.begin(), await orders.begin()
    await orders.report(done)
    await orders.checkout.handlers.cancel(cancel(cancelled), caller())
    orders.checkout.clock.advance(LIFETIME)
    expected = {
        done: "other_order",
        cancelled: "basket_cancelled",
        late: "basket_expired",
        basket_id(99): "basket_not_found",
    }
    for id, code in expected.items():
        settled = await orders.settle(orders.received(id, at=NOW + LIFETIME, orderId="order-2"))
        assert (settled.letter is not None and settled.letter.code, told(settled)["outcome"]) == (code, "refused")
        assert settled.letter is not None
        assert settled.letter.basket_id is None, "no view waits for an order"


@pytest.mark.parametrize("report", [{"basketVersion": 1}, {"promise": "none"}, {"status": "rejected"}])
async def test_a_refusal_that_its_sender_reads_is_no_dead_letter(report: Told) -> None:
    orders = Orders()
    settled = await orders.settle(orders.received(basket_id(99), **report))
    assert outcome(told(settled)) == ("refused", "basket_not_found")
    assert (settled.letter, told(settled)["currentVersion"], told(settled)["partner"]) == (None, None, None)


async def test_an_operators_retry_decides_anew_and_has_a_result_of_its_own() -> None:
    orders = Orders()
    id = await orders.begin()
    await orders.report(id, orderId="order-9")
    received = orders.received(id)
    first = await orders.settle(received)
    await orders.report(id, orderId="order-9", status="rejected")
    assert outcome(told(await orders.settle(received))) == ("refused", "already_completed")
    retried = await orders.settle(received, retry="dead-letter/7")
    assert outcome(told(retried)) == ("completed", None)
    assert retried.result.header("ce_id") != first.result.header("ce_id")


@pytest.mark.parametrize(
    "value",
    [
        {"status": "shipped"},
        {"status": None},
        {"basketVersion": 0},
        {"basketVersion": "2"},
        {"basketVersion": True},
        {"basketVersion": 1.5},
        {"basketVersion": 2**31},
        {"promise": 1},
        {"promise": "x" * 20_000},
        {"reason": "x" * 513},
        {"reason": "two\nlines"},
    ],
)
def test_a_report_that_is_not_as_the_contract_says_is_not_understood(value: Told) -> None:
    document = json.dumps({"orderId": "order-1", **value}).encode()
    with pytest.raises(InvalidOrderMessage):
        parse_order(basket_id().encode(), document)


async def test_a_result_names_the_members_that_are_not_known() -> None:
    orders = Orders()
    id = await orders.begin()
    misspelt = orders.received(id, basket_version=1, lines=[{"sku": "SKU-1"}])
    for _ in range(2):
        result = told(await orders.settle(misspelt))
        assert outcome(result) == ("completed", None)
        assert result["ignored"] == ["/basket_version", "/lines"]
        assert "ignoredMore" not in result
    missing = await orders.report(basket_id(99), colour="red")
    assert (outcome(missing), missing["ignored"]) == (("refused", "basket_not_found"), ["/colour"])
    many = await orders.report(id, **{f"m{at}": at for at in range(250)})
    assert (len(many["ignored"]), many["ignoredMore"]) == (100, 150)


def test_a_version_may_be_written_as_any_whole_number() -> None:
    assert parse_order(basket_id().encode(), b'{"orderId":"o","basketVersion":2.0}').message.basket_version == 2
