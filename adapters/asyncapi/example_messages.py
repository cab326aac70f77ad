"""An example of each message, made by the code that makes the messages, or read by the code that reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from msgspec.structs import replace
from pydantic import JsonValue
from pydantic_core import to_json

from adapters.asyncapi.example_baskets import (
    ORDER_ID,
    TRACEPARENT,
    basket_after,
    example_publications,
    published_examples,
)
from adapters.asyncapi.messages import TOMBSTONE, VERDICT
from adapters.kafka import topics
from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.command_messages import CommandMessage, result_message
from adapters.kafka.dead_letters import dead_letter_message
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_messages import (
    DecidedOrder,
    InvalidOrderMessage,
    order_result_message,
    parse_order,
    render_result,
)
from adapters.kafka.replay import replay_message
from adapters.wire.example_basket import EXAMPLE_TIME, example_basket
from adapters.wire.example_requests import BASKET_ID, REQUEST_BODIES
from adapters.wire.facts import parse_fact
from adapters.wire.responses import render
from domain.basket.basket import Basket
from domain.basket.commands import Initiated
from domain.basket.orders import OrderOutcome, OrderRefusal, OrderReport, OrderResult
from domain.operators.republish.republish import ReplayedEvent, Republication
from domain.shared.errors import VersionMismatch
from domain.shared.values import MessageSource

PARTNER = "shop"
_REPLAYED_AT = EXAMPLE_TIME + timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ExampleMessage:
    """A message as it is on its topic, and what it shows."""

    title: str
    message: Message


Makers = Mapping[str, Callable[[], Sequence[ExampleMessage]]]


@cache
def examples() -> Mapping[str, Sequence[ExampleMessage]]:
    """The examples of each message, by its name."""
    published = _published()
    published["checkout.basket-initiated.v1"].append(ExampleMessage("Sent again by `checkout republish`", _replayed()))
    return {**published, **{name: make() for name, make in _MAKERS.items()}}


def _published() -> dict[str, list[ExampleMessage]]:
    """The first message of each kind that the publisher sends; of verdicts also one that is ready."""
    found: dict[str, list[Message]] = {}
    for message in published_examples():
        type = message.header("ce_type") or ""
        found.setdefault(type + TOMBSTONE if message.value is None else type, []).append(message)
    not_ready, *_, ready = found.pop(VERDICT.name)
    return {
        **{name: [ExampleMessage("An example", messages[0])] for name, messages in found.items()},
        VERDICT.name: [ExampleMessage("Not ready", not_ready), ExampleMessage("Ready, with its promise", ready)],
    }


def _replayed() -> Message:
    first = example_publications()[0]
    run = Republication(
        id="0198c5a2-7f00-7c3e-9a51-3a5de7f0c1bb",
        topic="replay.north",
        content="events",
        from_position=1,
        to_position=99,
        partner=None,
        basket_id=None,
        started_at=_REPLAYED_AT,
        ended_at=None,
    )
    return replay_message(ReplayedEvent(event=first.event, request=first.request, run=run))


def _sent(topic: str, key: str, body: JsonValue, headers: Mapping[str, str]) -> Message:
    """A message as somebody else sends it. No body: no value."""
    value = None if body is None else to_json(body)
    return Message(topic, key.encode(), value, tuple((name, text.encode()) for name, text in headers.items()))


def _command(call: str, body: JsonValue, **more: str) -> Message:
    key = "EXT-ORD-12345" if call == "initiate" else BASKET_ID
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{call}-7c1f",
        "ce_source": "urn:gateway:north",
        "ce_type": f"checkout.{call}-basket.v1",
        "ce_partnerorg": PARTNER,
        **({} if call == "initiate" else {"ce_subject": BASKET_ID}),
        "traceparent": TRACEPARENT,
        **({} if body is None else {"content-type": "application/json"}),
        **more,
    }
    return _sent(topics.COMMANDS, key, body, headers)


def _commands(call: str, **more: str) -> Callable[[], Sequence[ExampleMessage]]:
    """The bodies are those of the HTTP calls. A validate needs none."""
    bodies = REQUEST_BODIES.get(call, {"Validate a basket": None})
    return lambda: [ExampleMessage(title, _command(call, body, **more)) for title, body in bodies.items()]


def _command_results() -> Sequence[ExampleMessage]:
    sent = CommandMessage("initiate-7c1f", _command("initiate", {}), f"{topics.COMMANDS}/3/1742@1795435200000")
    basket = example_basket()
    answers = {
        "A basket was created": render(Initiated(basket, created=True)),
        "The command was refused": render(VersionMismatch(BASKET_ID, 4)),
    }
    return [
        ExampleMessage(
            title,
            result_message(sent, answer, basket_id=BASKET_ID, traceparent=TRACEPARENT, now=EXAMPLE_TIME),
        )
        for title, answer in answers.items()
    ]


def _report(order_version: int) -> Message:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{ORDER_ID}/placed",
        "ce_source": "urn:orders:north",
        "ce_type": "org.example.order-placed",
        "ce_time": "2026-11-23T12:06:30Z",
        "traceparent": TRACEPARENT,
        "content-type": "application/json",
    }
    body: JsonValue = {"basketId": BASKET_ID, "orderId": ORDER_ID, "basketVersion": order_version}
    return _sent(topics.ORDERS, BASKET_ID, body, headers)


def _reports() -> Sequence[ExampleMessage]:
    sent = _report(basket_after("checkout.order-item-swapped.v1").version)
    rejected: JsonValue = {"orderId": ORDER_ID, "status": "rejected", "reason": "the payment was declined"}
    return [
        ExampleMessage("An order was placed", sent),
        ExampleMessage("It was rejected", replace(sent, value=to_json(rejected), headers=())),
    ]


def _order_results() -> Sequence[ExampleMessage]:
    swapped, completed = basket_after("checkout.order-item-swapped.v1"), basket_after("checkout.basket-completed.v1")
    return [
        ExampleMessage("The basket is completed", _order_result(swapped.version, completed, "completed")),
        ExampleMessage("The basket has changed", _order_result(2, swapped, "refused", "basket_changed")),
    ]


def _order_result(version: int, basket: Basket, outcome: OrderOutcome, code: OrderRefusal | None = None) -> Message:
    sent = _report(version)
    report = parse_order(sent.key, sent.value)
    result = OrderResult(OrderReport(BASKET_ID, ORDER_ID, "placed", version), basket, basket.modified_on, outcome, code)
    return order_result_message(
        DecidedOrder.read(render_result(result, report.ignored)),
        name=f"{topics.ORDERS}/3/1743@1795435590000",
        basket_id=BASKET_ID,
        correlation_id=f"{ORDER_ID}/placed",
        traceparent=TRACEPARENT,
    )


def _dead_letters() -> Sequence[ExampleMessage]:
    sent = _sent(topics.ORDERS, BASKET_ID, {"basketId": BASKET_ID}, {"ce_id": "order-1"})
    received = Received(sent, MessageSource(topics.ORDERS, 3, 1742), at=EXAMPLE_TIME)
    try:
        parse_order(sent.key, sent.value)
    except InvalidOrderMessage as error:
        letter = received.dead_letter("not_an_order", str(error))
        return [ExampleMessage("A report without an order", dead_letter_message(letter, EXAMPLE_TIME))]
    raise AssertionError("a report without an order was read")


def _fact(document: JsonValue) -> Callable[[], Sequence[ExampleMessage]]:
    return lambda: [ExampleMessage("An example", fact_message(parse_fact(to_json(document))))]


def _withdrawal(make: Callable[[], Sequence[ExampleMessage]]) -> Callable[[], Sequence[ExampleMessage]]:
    return lambda: [ExampleMessage(each.title, replace(each.message, value=None, headers=())) for each in make()]


_FACTS: Makers = {
    topics.OFFERS: _fact(
        {
            "kind": "offer",
            "id": "o-1",
            "version": "v-1",
            "name": "Weekly paper",
            "path": "/offers/weekly",
            "products": [{"productCode": "SKU-1", "path": "/products/sku-1"}],
            "status": "published",
            "countries": ["GB"],
            "quantity": {"min": 1, "max": 10},
            "sequence": 1,
        }
    ),
    topics.PRICES: _fact(
        {
            "kind": "price",
            "offerId": "o-1",
            "offerVersion": "v-1",
            "currency": "GBP",
            "amount": "10.00",
            "validUntil": "2026-11-24T00:00:00Z",
            "sequence": 1,
        }
    ),
    topics.AVAILABILITY: _fact(
        {"kind": "availability", "productCode": "SKU-1", "status": "available", "quantity": 2, "sequence": 4}
    ),
    topics.POLICIES: _fact(
        {
            "kind": "policy",
            "partner": PARTNER,
            "checks": {"price_changed": "warning"},
            "priceTolerance": {"amounts": [{"amount": "0.05", "currency": "GBP"}]},
            "sequence": 2,
        }
    ),
}

_MAKERS: Makers = {
    "checkout.initiate-basket.v1": _commands("initiate"),
    "checkout.update-basket.v1": _commands("update", ifmatch='"4"', prefer="handling=strict", include="findings"),
    "checkout.validate-basket.v1": _commands("validate"),
    "checkout.cancel-basket.v1": _commands("cancel"),
    "checkout.command-result.v1": _command_results,
    "checkout.orders.v1": _reports,
    "checkout.order-result.v1": _order_results,
    "checkout.dead-letter.v1": _dead_letters,
    **_FACTS,
    **{topic + TOMBSTONE: _withdrawal(make) for topic, make in _FACTS.items()},
}
