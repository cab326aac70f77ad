"""The published schemas follow from the models, and every message is valid by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError
from pydantic import ValidationError
from pydantic_core import to_json

from adapters.asyncapi.schemas import PUBLISHED, Document, PublishedSchema
from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.command_messages import CommandMessage, result_message
from adapters.kafka.messages import Message
from adapters.kafka.order_messages import parse_order
from adapters.wire.requests import InitiateRequest
from adapters.wire.responses import order_body, render_body
from cli.generated_files import BreakingChange
from cli.schemas.command import check_files, write_files
from domain.basket.codec import encode
from domain.basket.serialization import verdict_json
from domain.catalogue.facts import FACT
from domain.ports.event_store import RenderedResponse
from domain.shared.money import Money
from domain.validation.verdict_assembler import VerdictAssembler
from tests.builders import (
    NOW,
    SECOND,
    InMemoryCheckout,
    add,
    availability,
    caller,
    initiate,
    offer,
    policy,
    price,
    update,
)
from tests.domain.stored import samples
from tests.played_basket import play_basket

ROOT = Path(__file__).parents[3]
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default", "examples"}
BY_NAME = {published.name: published for published in PUBLISHED}


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = BY_NAME[name].schema()
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def hold(name: str, document: bytes | Document) -> None:
    """Raises if the document is not valid by the schema of this name."""
    _validator(name).validate(json.loads(document) if isinstance(document, bytes) else document)


def test_the_schema_files_are_up_to_date() -> None:
    assert check_files() == []


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_each_schema_is_valid_and_describes_every_field(published: PublishedSchema) -> None:
    schema = published.schema()
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for path, field in _fields(schema):
        assert field.get("description"), path


def _fields(schema: Any, path: str = "$") -> Iterator[tuple[str, Document]]:
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{path}.{name}", field
        for key, value in schema.items():
            yield from _fields(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            yield from _fields(value, path)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_no_schema_has_a_word_that_json_schema_lacks(published: PublishedSchema) -> None:
    """Validators pass such a word over, or refuse the whole schema."""
    assert set(_words(published.schema())) <= {*Draft202012Validator.VALIDATORS, *ANNOTATIONS}


def _words(schema: Any, *, names: bool = False) -> Iterator[str]:
    """The words of a schema and of those in it. `names`: the keys are names, and the values are schemas."""
    if isinstance(schema, dict):
        for word, value in schema.items():
            if not names:
                yield word
            if names or word not in ("default", "examples", "enum", "const"):
                yield from _words(value, names=not names and word in ("properties", "$defs"))
    elif isinstance(schema, list):
        for value in schema:
            yield from _words(value)


def test_no_schema_contains_a_path_of_this_machine() -> None:
    for published in PUBLISHED:
        assert str(ROOT) not in json.dumps(published.schema())


# every message is valid by its schema


@pytest.mark.parametrize("name", samples())
def test_every_stored_event_is_valid(name: str) -> None:
    sample = samples()[name]
    hold(sample["type"], sample)


async def test_every_event_and_verdict_of_a_played_basket_is_valid() -> None:
    played = await play_basket()
    checkout, id = played.checkout, played.id
    hold("checkout.basket.v1", order_body(played.held))

    history = await checkout.history(id)
    for event in history:
        hold(event.TOPIC, encode(event))
    names = {
        published.name
        for published in PUBLISHED
        if published.name.startswith(("checkout.basket-", "checkout.order-item"))
    }
    assert {event.TOPIC for event in history} == names

    hold("checkout.validation-result.v1", verdict_json(played.validated))
    for verdict in (await VerdictAssembler(checkout.store).of(await checkout.store.read(0, 1000))).values():
        assert isinstance(verdict, bytes)
        hold("checkout.validation-result.v1", verdict)


@pytest.mark.parametrize("body", [b'{"id":"basket-1"}', b"", b'{"type":"urn:checkout:problem:conflict","status":409}'])
def test_a_command_result_is_valid(body: bytes) -> None:
    command = CommandMessage("command-1", Message("checkout.commands.v1", None, b"{}", ()), "test")
    answer = RenderedResponse(200, {"etag": '"1"'}, body)
    message = result_message(command, answer, basket_id=None, traceparent="00-0-0-00", now=NOW)
    hold("checkout.command-result.v1", message.value or b"")


async def test_the_body_of_an_update_is_valid_in_a_command_result() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(), caller())).basket.id
    updated = await checkout.handlers.update(update(id, add()), caller())
    body = json.loads(render_body(updated))
    hold(
        "checkout.command-result.v1",
        {"commandId": "c", "status": 200, "headers": {"etag": '"2"'}, "body": body},
    )


def test_an_order_message_is_valid_and_readable() -> None:
    id = samples()["basket-expired"]["basketId"]
    for document in ({"orderId": "o"}, {"basketId": id, "orderId": "o", "more": 1}):
        hold("checkout.orders.v1", document)
        assert parse_order(id.encode(), json.dumps(document).encode()).basket_id == id


def test_every_line_of_the_sample_catalogue_is_valid() -> None:
    topics = {
        "offer": "catalogue.offers.v1",
        "price": "catalogue.prices.v1",
        "availability": "catalogue.availability.v1",
    }
    lines = (ROOT / "cli" / "demo" / "sample" / "catalogue.jsonl").read_bytes().splitlines()
    assert lines
    for each in lines[:300]:
        fact = json.loads(each)
        hold(topics[fact["kind"]], fact)


@pytest.mark.parametrize(
    "fact",
    [
        offer(quantity={"min": 1}, add_on_to=["o-2"], each_product=6),
        price(valid_from=NOW, partner="acme"),
        availability(quantity=1),
        availability(valid_from=NOW, valid_until=NOW + SECOND),
        policy(None),
        policy(
            checks={"price_changed": "warning"},
            price_tolerance={"percent": "1.5", "amounts": [{"amount": "0.05", "currency": "GBP"}]},
            maximum_total=[{"amount": "500", "currency": "GBP"}],
        ),
    ],
)
def test_a_fact_that_is_written_again_is_valid(fact: Any) -> None:
    text = FACT.dump_json(fact)
    hold(fact_message(fact).topic, text)
    assert FACT.validate_json(text) == fact


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{0,14}\.?[0-9]{0,6}", fullmatch=True))
def test_model_and_schema_accept_the_same_amounts(text: str) -> None:
    schema = Draft202012Validator(BY_NAME["catalogue.prices.v1"].schema()["properties"]["amount"])
    try:
        Money.model_validate({"amount": text, "currency": "GBP"})
    except ValidationError:
        # Python's $ also stands before a last newline; ECMAScript's, which JSON Schema means, does not.
        assert text.endswith("\n") or not schema.is_valid(text)
    else:
        assert schema.is_valid(text)


@pytest.mark.parametrize(
    "body",
    [
        {"order": {"orderItems": []}},
        {"order": {"orderItems": [], "checkoutId": None, "tracking": {"a": [1]}}},
        {"order": {"orderItems": [{"offer": {"id": "o", "version": "v"}, "quantity": 1}]}},
        {"order": {"orderItems": [{"offer": {"id": "o", "version": "v"}, "quantity": 0}]}},
        {"order": {"orderItems": [], "country": "gb"}},
        {"order": {}},
        {},
    ],
)
def test_model_and_schema_accept_the_same_initiates(body: Document) -> None:
    try:
        InitiateRequest.model_validate_json(to_json(body))
    except ValidationError:
        with pytest.raises(SchemaError):
            hold("checkout.initiate-basket.v1", body)
    else:
        hold("checkout.initiate-basket.v1", body)


# the files


def test_unchanged_files_are_not_written_again(tmp_path: Path) -> None:
    assert len(write_files(tmp_path)) == len(PUBLISHED)
    assert (write_files(tmp_path), check_files(tmp_path)) == ([], [])


def test_files_that_differ_or_belong_to_no_type_are_reported(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "somebody.elses.v1.json").write_text("{}")
    (tmp_path / "checkout.orders.v1.json").unlink()
    path = tmp_path / "checkout.basket-expired.v1.json"
    path.write_text(path.read_text().replace("passed", "went past"))
    assert check_files(tmp_path) == [
        "checkout.orders.v1.json is missing",
        "somebody.elses.v1.json belongs to no type",
        "checkout.basket-expired.v1.json is not what the code says",
    ]
    assert sorted(write_files(tmp_path)) == ["checkout.basket-expired.v1.json", "checkout.orders.v1.json"]


def test_a_breaking_schema_is_not_written(tmp_path: Path) -> None:
    write_files(tmp_path)
    path = tmp_path / "checkout.basket-expired.v1.json"
    promised = json.loads(path.read_text())
    promised["properties"]["why"] = {"type": "string"}
    path.write_text(json.dumps(promised))
    (tmp_path / "checkout.orders.v1.json").unlink()
    with pytest.raises(BreakingChange) as caught:
        write_files(tmp_path)
    assert caught.value.reasons == ["checkout.basket-expired.v1: $.why is gone"]
    assert not (tmp_path / "checkout.orders.v1.json").exists()
