"""The described messages are those that the code makes and reads: headers, values and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from adapters.asyncapi.document import asyncapi_document
from adapters.asyncapi.example_baskets import example_publications
from adapters.asyncapi.example_messages import ExampleMessage, examples
from adapters.asyncapi.headers import DEAD_LETTER_CODES
from adapters.asyncapi.messages import MessageSpec
from adapters.asyncapi.schemas import PUBLISHED, Document
from adapters.asyncapi.topics import PUBLISHED_TOPICS, TopicSpec
from adapters.kafka import command_messages
from adapters.kafka.catalogue_messages import parse_catalogue_message
from adapters.kafka.command_executor import KafkaCommandExecutor, KeyedCommand
from adapters.kafka.command_messages import command_message
from adapters.kafka.dead_letters import dead_letter_message
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_messages import parse_order
from adapters.kafka.publisher import publication_messages
from adapters.kafka.replay import replay_message
from adapters.settings import Settings
from cli.asyncapi.compatibility import whole_message
from cli.conformance.cloud_event_rules import CloudEventRules, WireMessage
from domain.operators.republish.republish import ReplayedEvent
from domain.shared.values import MessageSource
from tests.adapters.kafka.test_cloud_events import RUN, publications_of
from tests.builders import NOW, InMemoryCheckout, SequentialIds
from tests.played_basket import play_basket

ROOT = Path(__file__).parents[3]
SPECS = {spec.name: (topic, spec) for topic in PUBLISHED_TOPICS for spec in topic.messages}
DOCUMENT = asyncapi_document(Settings.model_construct(), "1")
EXAMPLES = [
    pytest.param(*SPECS[name], example, id=f"{name}: {example.title}")
    for name, found in examples().items()
    for example in found
]
every_example = pytest.mark.parametrize(("topic", "spec", "example"), EXAMPLES)
every_message = pytest.mark.parametrize(
    ("topic", "spec"), [pytest.param(topic, spec, id=name) for name, (topic, spec) in SPECS.items()]
)


def described_headers(spec: MessageSpec) -> Document:
    headers: Document = whole_message(DOCUMENT, spec.name)["headers"]
    return {**headers, "additionalProperties": False}


def require_described(spec: MessageSpec, topic: TopicSpec, message: Message) -> None:
    """Fails unless key, headers and value are as the document says."""
    checker = Draft202012Validator.FORMAT_CHECKER
    headers = {name: value.decode() for name, value in message.headers}
    Draft202012Validator(described_headers(spec), format_checker=checker).validate(headers)
    if message.key is not None:
        Draft202012Validator(topic.key.schema()).validate(message.key.decode())
    if spec.schema is None:
        assert message.value is None
    elif message.value is not None and headers.get("content-type") != "application/octet-stream":
        Draft202012Validator(spec.schema.schema(), format_checker=checker).validate(json.loads(message.value))


@every_example
def test_every_example_is_as_the_document_says(topic: TopicSpec, spec: MessageSpec, example: ExampleMessage) -> None:
    require_described(spec, topic, example.message)
    assert topic.name == example.message.topic or example.message.header("ce_replay") is not None


@every_message
def test_every_message_has_an_example_in_the_document(topic: TopicSpec, spec: MessageSpec) -> None:
    shown = DOCUMENT["components"]["messages"][spec.name]["examples"]
    assert len(shown) == len(examples()[spec.name]) > 0
    assert spec.meaning.endswith(".")
    for header in spec.headers():
        assert header.description.endswith("."), header.name


@every_message
def test_every_header_that_is_always_there_is_in_every_example(topic: TopicSpec, spec: MessageSpec) -> None:
    for example in examples()[spec.name]:
        names = {name for name, _ in example.message.headers}
        assert {header.name for header in spec.headers() if header.required} <= names


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_source", "ce_sequence", "ce_dataschema", "ce_requestcount", "content-type"]
)
def test_a_header_that_is_missing_or_wrong_is_not_as_described(name: str) -> None:
    topic, spec = SPECS["checkout.basket.v1"]
    (example, *_) = examples()[spec.name]
    for headers in (
        tuple(each for each in example.message.headers if each[0] != name),
        (*(each for each in example.message.headers if each[0] != name), (name, b"")),
        (*example.message.headers, ("ce_unheard", b"of")),
    ):
        changed = Message(topic.name, example.message.key, example.message.value, headers)
        with pytest.raises(ValidationError):
            require_described(spec, topic, changed)


def spec_of(message: Message) -> tuple[TopicSpec, MessageSpec]:
    return SPECS[(message.header("ce_type") or "") + (".tombstone" if message.value is None else "")]


async def test_everything_that_the_publisher_sends_is_described() -> None:
    played = await play_basket()
    publications = await publications_of(played.checkout, await played.checkout.store.read(0, 1_000))
    replayed = [replay_message(ReplayedEvent(each.event, each.request, run=RUN)) for each in publications]
    sent = [*publication_messages(publications), *publication_messages(example_publications()), *replayed]
    assert len(sent) > 60
    for message in sent:
        topic, spec = spec_of(message)
        require_described(spec, topic, message)
        assert message.topic in (topic.name, RUN.topic)


@every_example
def test_what_this_service_sends_is_a_conformant_cloud_event(
    topic: TopicSpec, spec: MessageSpec, example: ExampleMessage
) -> None:
    if topic.action == "send":
        message = example.message
        assert CloudEventRules().broken_by(WireMessage(message.key, message.value, message.headers)) == []


def read_commands() -> Iterator[tuple[str, Message]]:
    for name, found in examples().items():
        for example in found:
            if example.message.topic == "checkout.commands.v1":
                yield name, example.message


@pytest.mark.parametrize(("name", "message"), [*read_commands()])
def test_the_command_worker_reads_every_example_of_a_command(name: str, message: Message) -> None:
    checkout = InMemoryCheckout()
    executor = KafkaCommandExecutor(
        Settings(_env_file=None), checkout.handlers.real, checkout.clock, SequentialIds(1000)
    )
    command = command_message(message, "test")
    assert command is not None
    queued = executor.read(command)
    assert isinstance(queued.request, KeyedCommand), queued.request.body
    assert message.header("ce_type") == name


def test_the_headers_of_commands_are_those_that_are_read() -> None:
    for names in command_messages._PRECONDITIONS.values():
        assert names in {header.name for header in SPECS["checkout.update-basket.v1"][1].headers()}


def test_the_command_worker_reads_every_example_of_a_report() -> None:
    for example in examples()["checkout.orders.v1"]:
        assert parse_order(example.message.key, example.message.value).ignored.to_members() == {}


@every_example
def test_the_catalogue_worker_reads_every_example_of_a_fact(
    topic: TopicSpec, spec: MessageSpec, example: ExampleMessage
) -> None:
    if topic.tag == "catalogue":
        parse_catalogue_message(Received(example.message, MessageSource(topic.name, 0, 0), at=NOW))


@pytest.mark.parametrize("headers", [(), (("ce_id", b"c-1"), ("odd", b"\xc3\xbc"))])
@pytest.mark.parametrize("value", [b"{", b"", None])
def test_every_dead_letter_is_described(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> None:
    topic, spec = SPECS["checkout.dead-letter.v1"]
    received = Received(Message("checkout.orders.v1", b"key", value, tuple(headers)), MessageSource("t", 0, 7))
    for basket_id in (None, "basket-1"):
        letter = dead_letter_message(received.dead_letter("not_an_order", "why", basket_id), NOW)
        require_described(spec, topic, letter)


def test_the_codes_of_dead_letters_are_those_of_the_operators_page() -> None:
    page = (ROOT / "docs" / "operations" / "dead-letters.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[^|]*\|((?: ?`[a-z_]+`)+) \|[^|]*\|[^|]*\|[^|]*\|$", page, re.MULTILINE)
    assert [code for row in rows for code in re.findall(r"`([a-z_]+)`", row)] == [*DEAD_LETTER_CODES]


def test_every_schema_belongs_to_one_message() -> None:
    named: list[Any] = [spec.schema.name for _, spec in SPECS.values() if spec.schema is not None]
    assert sorted(named) == sorted(published.name for published in PUBLISHED)
