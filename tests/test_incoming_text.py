"""Every entry point refuses text that cannot be stored and shown, by the same rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import CommandMessage, command_message
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler
from adapters.kafka.order_messages import InvalidOrderMessage, parse_order
from adapters.kafka.topics import COMMANDS, ORDERS
from cli.operator_options import operator_from_options
from domain.operators.audit import Operator
from domain.ports.event_store import RenderedResponse
from domain.shared.errors import InvalidCommand
from domain.shared.values import MessageSource, is_storable_text
from tests.api.service import Service, actions, add, errors, order, problem, settings_in, wanted
from tests.builders import InMemoryCheckout, basket_id, caller, initiate
from tests.builders.archive import nothing_archived
from tests.fakes.promises import InMemoryPromises
from tests.unprintable import UNPRINTABLE

unshowable = pytest.mark.parametrize("text", UNPRINTABLE, ids=ascii)


@given(st.text())
def test_storable_text_is_one_printable_line_of_utf8(text: str) -> None:
    if is_storable_text(text, 1000):
        assert text.encode().decode() == text
        assert len(text.splitlines()) <= 1
        assert "\x00" not in text


@pytest.mark.parametrize("text", ["", "Zoë", "渡辺 太郎", "עברית", "نص عربي", "👩‍👩‍👧", "a\u00a0b", "x" * 10])
def test_text_of_any_script_is_storable(text: str) -> None:
    assert is_storable_text(text, 10)
    assert not is_storable_text(text + "x" * 11, 10)


@pytest.mark.parametrize("text", [*UNPRINTABLE, "a\ud800", "\udfffb"], ids=ascii)
def test_unprintable_text_is_not_storable(text: str) -> None:
    assert not is_storable_text(text, 1000)


FIELDS: dict[str, Any] = {
    "/order/external_id": lambda text: order(external_id=text),
    "/order/source": lambda text: order(source=text),
    "/order/order_type": lambda text: order(order_type=text),
    "/order/orderItems/0/offer/id": lambda text: order(wanted(text)),
    "/order/orderItems/0/parentId": lambda text: order(wanted(parentId=text)),
}


@unshowable
@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_of_a_body_refuses_it(tmp_path: Path, field: str, text: str) -> None:
    answer = await Service(settings_in(tmp_path)).caller().initiate(FIELDS[field](text))
    assert answer.status_code == 422
    ((pointer, code),) = errors(answer)
    assert (pointer, code in ("not_storable", "wrong_format")) == (field, True)


@unshowable
async def test_an_added_offer_refuses_it(tmp_path: Path, text: str) -> None:
    answer = await Service(settings_in(tmp_path)).caller().update(basket_id(), actions(add(text)))
    assert [pointer for pointer, _ in errors(answer)] == ["/orderItemActions/0/offer/id"]


@pytest.mark.parametrize("key", ["a\x9bb", "a\x85b", "ключ", "k" * 256, ""])
async def test_an_idempotency_key_refuses_it(tmp_path: Path, key: str) -> None:
    sent = [(b"idempotency-key", key.encode())]
    answer = (
        await Service(settings_in(tmp_path))
        .caller()
        .http.post("/partner/checkout/initiate", content=b'{"order":{"orderItems":[]}}', headers=sent)
    )
    assert problem(answer) == (400, "invalid_header")


@pytest.mark.parametrize("id", ["a\x9bb", "a\x85b", "ключ", "k" * 200, "a\x7fb"])
async def test_an_unstorable_correlation_id_is_replaced_by_ours(tmp_path: Path, id: str) -> None:
    service = Service(settings_in(tmp_path))
    answer = await service.caller().http.post(
        "/partner/checkout/initiate",
        content=b'{"order":{"orderItems":[]}}',
        headers=[(b"x-correlation-id", id.encode())],
    )
    (event,) = await service.checkout.store.read_events(answer.json()["id"])
    assert from_json(event.metadata)["correlationId"] == answer.headers["x-correlation-id"]
    assert is_storable_text(answer.headers["x-correlation-id"], 128)


def commands(folder: Path, checkout: InMemoryCheckout) -> KafkaCommandExecutor:
    return KafkaCommandExecutor(settings_in(folder), checkout.handlers.real, checkout.clock, checkout.ids)


async def response_to(executor: KafkaCommandExecutor, message: CommandMessage) -> RenderedResponse:
    return await executor.response_to(executor.read(message))


def queued(**changes: bytes) -> Message:
    headers = {
        "ce_id": b"c-1",
        "ce_source": b"gateway-7",
        "ce_type": b"checkout.initiate-basket.v1",
        "ce_partnerorg": b"shop",
        **changes,
    }
    return Message(COMMANDS, b"key", b'{"order":{"orderItems":[]}}', tuple(headers.items()))


@pytest.mark.parametrize("header", ["ce_source", "ce_partnerorg"])
@pytest.mark.parametrize("value", [*(text.encode() for text in UNPRINTABLE), b"\xff", b"", b"x" * 600], ids=ascii)
async def test_a_header_of_a_command_refuses_it(tmp_path: Path, header: str, value: bytes) -> None:
    message = command_message(queued(**{header: value}), "test")
    assert message is not None
    answer = await response_to(commands(tmp_path, InMemoryCheckout()), message)
    assert (answer.status, from_json(answer.body).get("code")) == (400, "invalid_header")


@unshowable
def test_a_command_id_refuses_it(text: str) -> None:
    assert command_message(queued(ce_id=text.encode()), "test") is None


@unshowable
async def test_an_unstorable_conversation_id_of_a_command_is_replaced_by_ours(tmp_path: Path, text: str) -> None:
    checkout = InMemoryCheckout()
    message = command_message(queued(ce_correlationid=text.encode(), traceparent=text.encode()), "test")
    assert message is not None
    answer = await response_to(commands(tmp_path, checkout), message)
    (event,) = await checkout.store.read_events(from_json(answer.body)["id"])
    metadata = from_json(event.metadata)
    assert (metadata["actor"], metadata["causationId"]) == ("kafka:gateway-7", "c-1")
    assert all(is_storable_text(value, 600) for name, value in metadata.items() if name != "requestVersions")


@unshowable
async def test_unstorable_headers_of_an_order_are_replaced(text: str) -> None:
    """The order was placed, whatever its headers say."""
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(), caller("shop"))).basket.id
    headers = [(name, text.encode()) for name in ("ce_id", "ce_source", "ce_correlationid", "traceparent")]
    value = b'{"orderId":"o-1"}'
    received = Received(Message(ORDERS, id.encode(), value, tuple(headers)), MessageSource(ORDERS, 3, 7))
    placed = parse_order(id.encode(), value)
    settled = await OrderHandler(checkout.handlers.real, InMemoryPromises(), nothing_archived, checkout.ids).settle(
        placed, received
    )
    assert settled.refused is None
    *_, event = await checkout.store.read_events(id)
    metadata = from_json(event.metadata)
    assert (metadata["actor"], metadata["causationId"]) == ("kafka:orders", f"{ORDERS}/3/7")
    assert all(is_storable_text(said, 600) for name, said in metadata.items() if name != "requestVersions")


@unshowable
def test_an_order_id_refuses_it(text: str) -> None:
    value = b'{"orderId":"' + text.encode("unicode_escape").replace(b"\\x", b"\\u00") + b'"}'
    with pytest.raises(InvalidOrderMessage):
        parse_order(basket_id().encode(), value)


@pytest.mark.parametrize(
    "text", [*(text for text in UNPRINTABLE if text != "a\nb"), "a\udc9bb", "x" * 501, " "], ids=ascii
)
def test_an_operators_reason_refuses_it(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        operator_from_options("ada", text)
    with pytest.raises(InvalidCommand):
        Operator(actor="ada", way="console", reason=text)
    if text.strip():
        with pytest.raises(typer.BadParameter):
            operator_from_options(text, "because")


def test_an_operators_reason_may_have_several_lines() -> None:
    assert operator_from_options("ada", " one\ntwo\r\n\tthree ").reason == "one\ntwo\r\n\tthree"


def test_stored_reasons_stay_readable() -> None:
    assert Operator.construct_trusted(actor="a\x9bb", way="console", reason="x" * 600).reason == "x" * 600
