"""What may change in the AsyncAPI document once it is released."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from adapters.asyncapi.document import asyncapi_document
from adapters.asyncapi.schemas import Document
from adapters.settings import Settings
from cli.asyncapi.compatibility import broken_promises, whole_message

FROZEN = sorted((Path(__file__).parents[1] / "schemas" / "published_asyncapi").glob("*.json"))
DOCUMENT = asyncapi_document(Settings.model_construct(), "1")
EVENTS, STATES, ORDERS = "checkout.basket-events.v1", "checkout.baskets.v1", "checkout.orders.v1"
EVENT, STATE = "checkout.order-item-added.v1", "checkout.basket.v1"

Change = Callable[[Document], Any]


def changed(change: Change) -> Document:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


def channel(document: Document, name: str = EVENTS) -> Document:
    found: Document = document["channels"][name]
    return found


def message(document: Document, name: str = EVENT) -> Document:
    found: Document = document["components"]["messages"][name]
    return found


def trait(document: Document, name: str = "basket") -> Document:
    found: Document = document["components"]["messageTraits"][name]["headers"]
    return found


def promises(document: Document, name: str = EVENTS) -> Document:
    found: Document = channel(document, name)["x-promises"]
    return found


def test_the_same_document_breaks_nothing() -> None:
    assert broken_promises(DOCUMENT, DOCUMENT) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda each: each["channels"].pop(STATES), f"the channel {STATES} is gone"),
        (
            lambda each: channel(each).update(address="events"),
            f"{EVENTS}: the address changed from {EVENTS} to events",
        ),
        (lambda each: channel(each)["messages"].pop(EVENT), f"{EVENTS}: the message {EVENT} is gone"),
        (
            lambda each: channel(each, STATES)["messages"].pop(f"{STATE}.tombstone"),
            f"{STATES}: the message {STATE}.tombstone is gone",
        ),
        (
            lambda each: promises(each).update(ordering="none"),
            f"{EVENTS}: ordering is weaker: none instead of by_key",
        ),
        (
            lambda each: promises(each).update(delivery="at_least_once"),
            f"{EVENTS}: delivery is weaker: at_least_once instead of exactly_once",
        ),
        (
            lambda each: promises(each, STATES).update(compacted=False),
            f"{STATES}: compacted changed from True to False",
        ),
        (lambda each: promises(each).update(compacted=True), f"{EVENTS}: compacted changed from False to True"),
        (lambda each: promises(each).update(key="partner"), f"{EVENTS}: key changed from 'basketId' to 'partner'"),
        (
            lambda each: promises(each).update(retentionMilliseconds=1000),
            f"{EVENTS}: messages are kept for a shorter time",
        ),
        (
            lambda each: message(each).update(contentType="application/avro"),
            f"{EVENTS}: {EVENT}: contentType changed from 'application/json' to 'application/avro'",
        ),
        (
            lambda each: message(each).pop("correlationId"),
            f"{EVENTS}: {EVENT}: correlationId changed from {{'location': '$message.header#/ce_correlationid'}} to None",
        ),
        (
            lambda each: message(each)["bindings"]["kafka"]["key"].pop("pattern"),
            f"{EVENTS}: {EVENT}: key: $: pattern changed from '^basket-[A-Za-z0-9\\\\-_]{{32,36}}$' to None",
        ),
        (
            lambda each: message(each)["headers"]["properties"]["ce_type"].update(const="other"),
            f"{EVENTS}: {EVENT}: headers: $.ce_type: const changed from '{EVENT}' to 'other'",
        ),
        (
            lambda each: message(each)["headers"]["required"].remove("ce_sequence"),
            f"{EVENTS}: {EVENT}: headers: $.ce_sequence may be missing now",
        ),
        (
            lambda each: message(each)["headers"]["required"].append("ce_causationid"),
            f"{EVENTS}: {EVENT}: headers: $.ce_causationid must be said now",
        ),
        (
            lambda each: message(each, ORDERS)["headers"].update(required=["ce_id"]),
            f"{ORDERS}: {ORDERS}: headers: $.ce_id must be said now",
        ),
        (
            lambda each: each["components"]["schemas"]["OrderItem"]["properties"].pop("quantity"),
            f"{EVENTS}: {EVENT}: payload: $.orderItem.quantity is gone",
        ),
        (
            lambda each: message(each).update(payload={"type": "null"}),
            f"{EVENTS}: {EVENT}: payload: $.basketId is gone",
        ),
        (
            lambda each: trait(each, "deadLetter").pop("patternProperties"),
            "checkout.dead-letters.v1: checkout.dead-letter.v1: headers: $.^original_ is gone",
        ),
        (lambda each: each["operations"].pop("receiveOrders"), "the operation receiveOrders is gone"),
        (
            lambda each: each["operations"]["receiveOrders"].update(action="send"),
            "receiveOrders: the action changed",
        ),
        (
            lambda each: each["operations"]["receiveOrders"].pop("reply"),
            "receiveOrders: the channel of replies changed",
        ),
    ],
)
def test_a_removed_or_weaker_promise_is_refused(change: Change, reason: str) -> None:
    assert reason in broken_promises(DOCUMENT, changed(change))


@pytest.mark.parametrize("group", ["cloudEvent", "basket", "trace", "replay", "schema"])
def test_no_header_is_removed_or_changes_its_form(group: str) -> None:
    for name in trait(DOCUMENT, group)["properties"]:
        removed, narrower = deepcopy(DOCUMENT), deepcopy(DOCUMENT)
        del trait(removed, group)["properties"][name]
        own = name in message(DOCUMENT)["headers"]["properties"]
        assert own or f"{EVENTS}: {EVENT}: headers: $.{name} is gone" in broken_promises(DOCUMENT, removed)
        trait(narrower, group)["properties"][name]["maxLength"] = 3
        assert any(f"$.{name}: maxLength" in reason for reason in broken_promises(DOCUMENT, narrower))


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each["channels"].update(more=deepcopy(channel(each))),
        lambda each: channel(each)["messages"].update(more={"$ref": "#/components/messages/more"}),
        lambda each: trait(each)["properties"].update(ce_more={"type": "string"}),
        lambda each: trait(each, "report")["properties"].update(ce_more={"type": "string"}),
        lambda each: message(each).update(title="Other words", examples=[]),
        lambda each: trait(each, "deadLetter")["patternProperties"]["^original_"].update(description="Other words."),
        lambda each: promises(each, ORDERS).update(retentionMilliseconds=-1),
        lambda each: promises(each, "checkout.command-results.v1").update(ordering="by_key"),
        lambda each: promises(each, "checkout.dead-letters.v1").update(delivery="exactly_once"),
        lambda each: message(each, ORDERS)["bindings"]["kafka"]["key"].pop("pattern"),
        lambda each: channel(each)["bindings"]["kafka"].update(partitions=99),
        lambda each: each["components"]["schemas"]["OrderItem"]["properties"].update(gift={"type": "boolean"}),
    ],
)
def test_more_and_stronger_promises_are_welcome(change: Change) -> None:
    assert broken_promises(DOCUMENT, changed(change)) == []


# the frozen copies


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: path.stem)
def test_no_released_document_is_broken(path: Path) -> None:
    assert broken_promises(json.loads(path.read_bytes()), DOCUMENT) == []


def test_everything_that_is_described_is_in_a_released_document() -> None:
    """Nothing is published without protection. Copy docs/asyncapi.json to tests/cli/schemas/published_asyncapi."""
    released = {each for path in FROZEN for each in _described(json.loads(path.read_bytes()))}
    assert {*_described(DOCUMENT)} - released == set()


def _described(document: Document) -> list[str]:
    """Every channel, message and header of a document."""
    return [
        *document["channels"],
        *(
            f"{name}: {header}"
            for name in document["components"]["messages"]
            for header in whole_message(document, name)["headers"]["properties"]
        ),
    ]
