"""The AsyncAPI document: valid by the official parser, complete, and what the code does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from adapters.asyncapi.document import asyncapi_document
from adapters.asyncapi.schemas import PUBLISHED, Document
from adapters.asyncapi.topics import INTERNAL_TOPICS, PUBLISHED_TOPICS
from adapters.kafka.topics import TOPICS, topic_settings
from adapters.settings import Settings
from tests.servers.node_packages import node_packages

PARSE = """
const { Parser } = require("@asyncapi/parser");
new Parser().parse(require("fs").readFileSync(0, "utf8")).then((parsed) => {
  const shown = parsed.diagnostics.map((each) => [each.code, each.severity, each.message, each.path.join("/")]);
  const channels = parsed.document ? parsed.document.channels().all().map((each) => each.address()) : null;
  console.log(JSON.stringify({ shown, channels }));
});
"""
INFORMATION = 2
"""The severity of what is no warning: the document is of AsyncAPI 3.0, which more tools read than 3.1."""
LATER_THAN_DRAFT_07 = {
    *("prefixItems", "unevaluatedItems", "unevaluatedProperties", "dependentRequired", "dependentSchemas"),
    *("minContains", "maxContains", "$dynamicRef", "$dynamicAnchor", "$anchor", "$vocabulary", "$defs"),
}


@pytest.fixture
def document() -> Document:
    return asyncapi_document(Settings.model_construct(), "1.2.3")


def parse(document: Document, packages: Path) -> Any:
    """What the official parser says of the document, with its own rules."""
    run = subprocess.run(
        ["node", "-e", PARSE],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
        cwd=packages,
        timeout=120,
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def packages() -> Path:
    return node_packages({"@asyncapi/parser": "3.6.6"})


def test_the_official_parser_finds_neither_errors_nor_warnings(document: Document, packages: Path) -> None:
    parsed = parse(document, packages)
    assert [each for each in parsed["shown"] if each[1] < INFORMATION] == []
    assert {each[0] for each in parsed["shown"]} <= {"asyncapi-latest-version"}
    assert parsed["channels"] == [topic.name for topic in PUBLISHED_TOPICS]


def planted() -> Iterator[tuple[str, Document]]:
    whole = asyncapi_document(Settings.model_construct(), "1.2.3")
    changes: tuple[tuple[str, Callable[[Document], Any]], ...] = (
        ("a reference to nothing", lambda each: each["components"]["messages"].pop("checkout.orders.v1")),
        ("a wrong action", lambda each: each["operations"]["sendBaskets"].update(action="publish")),
        ("a topic setting of a wrong type", lambda each: _settings_of(each).update({"retention.ms": "for ever"})),
        ("a type that is none", lambda each: _headers_of(each)["properties"]["ce_id"].update(type="word")),
        ("no title", lambda each: each["info"].pop("title")),
    )
    for name, change in changes:
        changed = deepcopy(whole)
        change(changed)
        yield name, changed


def _settings_of(document: Document) -> Any:
    return document["channels"]["checkout.orders.v1"]["bindings"]["kafka"]["topicConfiguration"]


def _headers_of(document: Document) -> Any:
    return document["components"]["messages"]["checkout.basket.v1"]["headers"]


@pytest.mark.parametrize("changed", [pytest.param(changed, id=name) for name, changed in planted()])
def test_the_parser_finds_faults(changed: Document, packages: Path) -> None:
    assert [each for each in parse(changed, packages)["shown"] if each[1] < INFORMATION]


def test_every_topic_is_in_the_registry_or_internal() -> None:
    assert {*INTERNAL_TOPICS, *(topic.name for topic in PUBLISHED_TOPICS)} == {topic.name for topic in TOPICS}


def test_every_channel_has_the_settings_that_its_topic_is_created_with() -> None:
    settings = Settings.model_construct(kafka_partitions=48, kafka_replication_factor=5)
    channels = asyncapi_document(settings, "1")["channels"]
    for topic in PUBLISHED_TOPICS:
        binding = channels[topic.name]["bindings"]["kafka"]
        assert (binding["partitions"], binding["replicas"]) == (48, 5)
        shown = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in binding["topicConfiguration"].items()
        }
        assert shown == topic_settings(topic.topic, 5)


def test_without_transactions_nothing_is_promised_to_be_there_exactly_once(document: Document) -> None:
    promised = {name: channel["x-promises"]["delivery"] for name, channel in document["channels"].items()}
    assert {name for name, delivery in promised.items() if delivery == "exactly_once"} == {
        "checkout.basket-events.v1",
        "checkout.baskets.v1",
        "checkout.validation-results.v1",
        "checkout.command-results.v1",
        "checkout.order-results.v1",
    }
    settings = Settings.model_construct(kafka_delivery="at_least_once")
    weaker = asyncapi_document(settings, "1")["channels"].values()
    assert {channel["x-promises"]["delivery"] for channel in weaker} == {"at_least_once"}
    assert not any("xactly once" in json.dumps(channel) for channel in weaker)


def test_every_reference_leads_somewhere(document: Document) -> None:
    references = [value for word, value in walk(document) if word == "$ref"]
    assert len(references) > 300
    for reference in references:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_published_schema_is_a_component_that_a_message_refers_to(document: Document) -> None:
    payloads = [message["payload"] for message in document["components"]["messages"].values()]
    referred = {payload["$ref"].rpartition("/")[2] for payload in payloads if "$ref" in payload}
    assert referred == {published.name for published in PUBLISHED}
    for published in PUBLISHED:
        assert document["components"]["schemas"][published.name]["x-schema-uri"] == published.schema()["$id"]


def test_its_schemas_mean_the_same_in_draft_07_and_2020_12(document: Document) -> None:
    """A Schema Object is draft-07: no word of a later draft, and none beside a reference."""
    for place, schema in subschemas(document["components"]["schemas"]):
        assert not LATER_THAN_DRAFT_07 & schema.keys(), place
        assert "$ref" not in schema or len(schema) == 1, place
        assert not isinstance(schema.get("items"), list), place


def subschemas(schemas: Document, place: str = "") -> Iterator[tuple[str, Document]]:
    """Every schema below these; the keys are names."""
    for name, schema in schemas.items():
        if isinstance(schema, dict):
            yield f"{place}/{name}", schema
            for word in ("items", "additionalProperties", "propertyNames"):
                yield from subschemas({word: schema.get(word)}, f"{place}/{name}")
            for word in ("anyOf", "oneOf", "allOf"):
                yield from subschemas(dict(enumerate(schema.get(word, ()))), f"{place}/{name}/{word}")  # type: ignore[arg-type]
            yield from subschemas(schema.get("properties", {}), f"{place}/{name}")


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every object; examples are no part of the document's own words."""
    if isinstance(value, dict):
        for word, part in value.items():
            if word != "examples":
                yield word, part
                yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def test_replies_lead_to_the_topics_of_results(document: Document) -> None:
    replies = {
        operation["channel"]["$ref"]: operation["reply"]["channel"]["$ref"]
        for operation in document["operations"].values()
        if "reply" in operation
    }
    assert replies == {
        "#/channels/checkout.commands.v1": "#/channels/checkout.command-results.v1",
        "#/channels/checkout.orders.v1": "#/channels/checkout.order-results.v1",
    }
