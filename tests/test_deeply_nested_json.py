"""Every entry point refuses deeply nested JSON: no parser of ours follows it to any depth."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import typer

from adapters.auth.claims import parse_token
from adapters.auth.jwks import UnusableKeys, parse_keys
from adapters.kafka.catalogue_messages import parse_catalogue_message
from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import command_message
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_messages import InvalidOrderMessage, parse_order
from adapters.kafka.topics import COMMANDS, OFFERS
from adapters.wire.facts import InvalidFact
from adapters.wire.request_errors import NotAuthenticated
from cli.catalogue.fact_file import BadLine, FileLine, read_fact
from cli.checkpoint_file import CheckpointMismatch, RunCheckpoint
from cli.dead_letters.screen import _lines
from cli.forget import erased_basket_ids
from domain.basket.codec import UnreadableEvent, decode_all
from domain.operators.dead_letters.model import ReadableContent
from domain.operators.history.search import BasketQuery, Cursor, InvalidPage
from domain.shared.values import MessageSource
from tests.api.service import COOKIE, INITIATE, UPDATE, Service, problem, settings_in
from tests.builders import InMemoryCheckout, basket_id

DEPTH = 50_000
DEEP = {
    "lists": b"[" * DEPTH,
    "closed lists": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH,
    "closed objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "under a known name": b'{"order":{"orderItems":[],"tracking":{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}}}",
}
deep_ones = pytest.mark.parametrize("deep", DEEP.values(), ids=DEEP)


def file(folder: Path, content: bytes) -> Path:
    path = folder / "given.json"
    path.write_bytes(content)
    return path


Parse = Callable[[bytes, Path], object]
PARSERS: dict[str, tuple[Parse, type[Exception]]] = {
    "a JWKS": (lambda deep, _: parse_keys(deep[:200_000]), UnusableKeys),
    "a token's header": (lambda deep, _: parse_token(token(deep[:11_000], b"{}")), NotAuthenticated),
    "a token's claims": (
        lambda deep, _: parse_token(token(b'{"alg":"EdDSA"}', deep[:11_000])),
        NotAuthenticated,
    ),
    "an order of an order service": (lambda deep, _: parse_order(None, deep), InvalidOrderMessage),
    "a fact on Kafka": (
        lambda deep, _: parse_catalogue_message(Received(Message(OFFERS, b"k", deep, ()), MessageSource(OFFERS, 0, 0))),
        InvalidFact,
    ),
    "an event on Kafka": (lambda deep, _: decode_all(b"[" + deep + b"]"), UnreadableEvent),
    "a line of a catalogue file": (lambda deep, _: read_fact(FileLine(1, deep, 0)), BadLine),
    "the file of a long run": (
        lambda deep, folder: RunCheckpoint.read(file(folder, deep), "this"),
        CheckpointMismatch,
    ),
    "what forget printed": (lambda deep, folder: erased_basket_ids(file(folder, deep)), typer.BadParameter),
    "a cursor": (
        lambda deep, _: Cursor.decode(urlsafe_b64encode(deep).decode(), BasketQuery()),
        InvalidPage,
    ),
}


def token(header: bytes, claims: bytes) -> str:
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, claims, b"x"))


@deep_ones
@pytest.mark.parametrize("parser", PARSERS)
def test_a_parser_refuses_it(parser: str, deep: bytes, tmp_path: Path) -> None:
    read, refusal = PARSERS[parser]
    with pytest.raises(refusal):
        read(deep, tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(settings_in(tmp_path, max_body_bytes=1024 * 1024))


@deep_ones
@pytest.mark.parametrize(("method", "path"), [("POST", INITIATE), ("PUT", UPDATE)])
async def test_a_body_is_malformed_json(service: Service, method: str, path: str, deep: bytes) -> None:
    headers = {"cookie": f"{COOKIE}=" + quote(f'{{"basketId":"{basket_id()}"}}'), "idempotency-key": "k"}
    answer = await service.caller().send(method, path, deep, headers)
    assert problem(answer) == (400, "malformed_json")


async def test_a_landing_state_is_unusable(service: Service) -> None:
    for deep in DEEP.values():
        headers = {"cookie": f"{COOKIE}={quote(deep[:1300])}"}
        answer = await service.caller().send("PUT", UPDATE, {"orderItemActions": []}, headers)
        assert problem(answer) == (400, "invalid_landing_state")


@deep_ones
async def test_a_command_on_kafka_gets_a_problem(tmp_path: Path, deep: bytes) -> None:
    checkout = InMemoryCheckout()
    commands = KafkaCommandExecutor(
        settings_in(tmp_path, max_body_bytes=1024 * 1024),
        checkout.handlers.real,
        checkout.clock,
        checkout.ids,
    )
    for type, subject in (("initiate", None), ("update", basket_id())):
        headers = {"ce_id": "c-1", "ce_type": f"checkout.{type}-basket.v1", "ce_partnerorg": "shop"}
        if subject is not None:
            headers["ce_subject"] = subject
        sent = Message(COMMANDS, b"k", deep, tuple((name, value.encode()) for name, value in headers.items()))
        message = command_message(sent, "test")
        assert message is not None
        answer = await commands.response_to(commands.read(message))
        assert (answer.status, b'"malformed_json"' in answer.body) == (400, True)


@deep_ones
def test_a_dead_letter_shows_it_as_text(deep: bytes) -> None:
    shown = _lines(ReadableContent(encoding="utf-8", text=deep.decode()))
    assert "[[[[" in str(shown) or '{"a":' in str(shown)
