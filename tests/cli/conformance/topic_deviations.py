"""Ways in which topics may deviate from the contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from adapters.kafka import topics
from adapters.kafka.messages import Message
from tests.cli.conformance.played_topics import Republish, TopicDeviation

ADDED = "checkout.order-item-added.v1"


def header(topic: str, name: str, change: Callable[[str], str | None]) -> Republish:
    """Changes a header of the topic's messages, or leaves it out."""

    def republish(message: Message) -> Iterable[Message]:
        if message.topic != topic:
            return (message,)
        changed = [(known, change(value.decode()) if known == name else value) for known, value in message.headers]
        headers = tuple(
            (known, value.encode() if isinstance(value, str) else value)
            for known, value in changed
            if value is not None
        )
        return (replace(message, headers=headers),)

    return republish


def value(topic: str, change: Callable[[Any], Any]) -> Republish:
    """Changes the value of the topic's messages."""

    def republish(message: Message) -> Iterable[Message]:
        if message.topic != topic or message.value is None:
            return (message,)
        return (replace(message, value=json.dumps(change(json.loads(message.value))).encode()),)

    return republish


def without(topic: str, type: str | None = None) -> Republish:
    """Loses messages of the topic, or those of a type."""
    return lambda message: () if message.topic == topic and type in (None, message.header("ce_type")) else (message,)


def twice(topic: str, type: str) -> Republish:
    return lambda message: (message,) * (2 if message.topic == topic and message.header("ce_type") == type else 1)


class HeldBack:
    """Sends each second event of a request after the third."""

    def __init__(self) -> None:
        self._held: dict[bytes | None, Message] = {}

    def __call__(self, message: Message) -> Iterable[Message]:
        if message.topic != topics.BASKET_EVENTS:
            return (message,)
        held = self._held.pop(message.key, None)
        if held is not None:
            return (message, held)
        if message.header("ce_requestindex") == "2" and int(message.header("ce_requestcount") or 0) > 2:
            self._held[message.key] = message
            return ()
        return (message,)


class StaleStates:
    """Each state is the one before."""

    def __init__(self) -> None:
        self._last: dict[bytes | None, bytes | None] = {}

    def __call__(self, message: Message) -> Iterable[Message]:
        if message.topic != topics.BASKETS:
            return (message,)
        last = self._last.get(message.key, message.value)
        self._last[message.key] = message.value
        return (replace(message, value=last),)


def by_version(message: Message) -> int:
    """A partition for each version."""
    return int(message.header("ce_sequence") or 0) % 2 if message.topic == topics.BASKET_EVENTS else 0


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {key: each for key, each in document.items() if key != name}


def _deviation(name: str, republish: Republish, *failing: str) -> TopicDeviation:
    return TopicDeviation(name, frozenset(f"topics.{case}" for case in failing), republish)


def topic_deviations() -> list[TopicDeviation]:
    events, states, verdicts = topics.BASKET_EVENTS, topics.BASKETS, topics.VALIDATION_RESULTS
    return [
        _deviation("an event comes twice", twice(events, ADDED), "in-order", "requests"),
        _deviation("an event is lost", without(events, "checkout.basket-details-changed.v1"), "in-order"),
        _deviation("events overtake each other", HeldBack(), "in-order", "requests"),
        TopicDeviation("events lie in several partitions", frozenset({"topics.in-order"}), partition=by_version),
        _deviation("one source for all", header(events, "ce_source", lambda _: "/partner/checkout"), "source-and-id"),
        _deviation(
            "a verdict has its event's id",
            header(verdicts, "ce_id", lambda name: name.removesuffix("/verdict")),
            "source-and-id",
            "cloudevents",
        ),
        _deviation("sequences without zeros", header(events, "ce_sequence", lambda text: str(int(text))), "sequence"),
        _deviation("no partition key", header(states, "ce_partitionkey", lambda _: None), "key"),
        _deviation("every event alone", header(events, "ce_requestcount", lambda _: "1"), "requests"),
        _deviation("no correlation", header(events, "ce_correlationid", lambda _: None), "causes"),
        _deviation(
            "a trace of its own", header(events, "traceparent", lambda text: f"00-{'1' * 32}{text[35:]}"), "causes"
        ),
        _deviation(
            "a time without a zone", header(events, "ce_recordedtime", lambda text: text[:-1]), "cloudevents", "causes"
        ),
        _deviation("a schema of another type", header(states, "ce_dataschema", lambda _: "urn:x:y"), "schemas"),
        _deviation("events without a time in the value", value(events, _without("occurredAt")), "schemas"),
        _deviation("verdicts without evidence", value(verdicts, _without("evidence")), "verdict", "schemas", "command"),
        _deviation("no verdicts", without(verdicts), "verdict", "command"),
        _deviation("stale states", StaleStates(), "state", "sequence"),
        _deviation(
            "states without lines",
            value(states, lambda body: {**body, "order": {**body["order"], "orderItems": []}}),
            "state",
        ),
        _deviation(
            "all results have one id", header(topics.COMMAND_RESULTS, "ce_id", lambda _: "1"), "command-results"
        ),
        _deviation(
            "results say 200",
            value(topics.COMMAND_RESULTS, lambda body: {**body, "status": 200}),
            "command-refused",
            "command-handling",
        ),
        _deviation(
            "no results of orders",
            without(topics.ORDER_RESULTS),
            "order-placed",
            "order-rejected",
            "order-refused",
            "order-cancelled",
        ),
        _deviation(
            "refusals without versions",
            value(topics.ORDER_RESULTS, lambda body: {**body, "currentVersion": None}),
            "order-placed",
            "order-refused",
        ),
        _deviation(
            "dead letters without a reason",
            header(topics.DEAD_LETTERS, "dead_letter_code", lambda _: None),
            "dead-letter",
        ),
    ]
