"""Commands from Kafka are executed as those from HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.kafka import topics
from adapters.kafka.command_executor import INITIATE, UPDATE, KafkaCommandExecutor, QueuedCommand
from adapters.kafka.command_messages import CommandMessage
from adapters.kafka.messages import Message
from adapters.settings import Settings
from tests.builders import InMemoryCheckout, SequentialIds, offer, price

OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"
PRICE = {"amount": "25.00", "currency": "GBP"}


class CommandCaller:
    """A gateway whose commands are executed at once."""

    def __init__(self) -> None:
        self.checkout = InMemoryCheckout()
        self._ids = SequentialIds()
        self._executor = KafkaCommandExecutor(
            Settings(_env_file=None), self.checkout.handlers.real, self.checkout.clock, SequentialIds(1000)
        )

    def read(self, type: str, body: Any, basket: str | None = None, **more: str) -> QueuedCommand:
        headers = {"ce_id": self._ids(), "ce_type": type, "ce_partnerorg": "acme", "ce_subject": basket, **more}
        encoded = tuple((name, value.encode()) for name, value in headers.items() if value)
        message = Message(topics.COMMANDS, b"key", json.dumps(body).encode(), encoded)
        return self._executor.read(CommandMessage(headers["ce_id"] or "", message, "test"))

    async def send(self, type: str, body: Any, basket: str | None = None, **more: str) -> dict[str, Any]:
        """The result's document."""
        result: dict[str, Any] = json.loads(
            (await self._executor.result_of(self.read(type, body, basket, **more))).value or b""
        )
        return result


def order(**details: Any) -> dict[str, Any]:
    item = {"offer": {"id": "o-1", "version": "v-1"}, "id": OWN_ID}
    return {"order": {"orderItems": [item], "currency": "GBP", **details}}


def update(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"orderItemActions": [*actions]}


def details(**changes: Any) -> dict[str, Any]:
    return {"orderItemActionType": "update_details", "order": changes}


async def test_all_actions_are_taken_by_the_command_topic_too() -> None:
    gateway = CommandCaller()
    await gateway.checkout.record(offer("o-1"), price("o-1"), offer("o-2"), price("o-2", "25.00"))
    id = (await gateway.send(INITIATE, order(source="shop")))["body"]["id"]

    result = await gateway.send(
        UPDATE,
        update(
            {"orderItemActionType": "swap", "id": OWN_ID, "offer": {"id": "o-2", "version": "v-1"}, "quantity": 2},
            {"orderItemActionType": "expect_price", "id": OWN_ID, "expectedPrice": PRICE},
            {"orderItemActionType": "change_quantity", "id": OWN_ID, "quantity": 3, "expectedPrice": PRICE},
            details(source=None, deliveryDetails={"country": "FR"}),
        ),
        id,
    )

    assert (result["status"], result["body"]["order"]["total"]) == (200, {"amount": "75.00", "currency": "GBP"})
    assert result["body"]["order"]["source"] is None
    assert result["body"]["order"]["market"]["country"] == "FR"
    assert [each["status"] for each in result["body"]["actionResults"]] == ["applied"] * 4

    emptied = await gateway.send(UPDATE, update({"orderItemActionType": "clear"}), id)
    assert emptied["body"]["actionResults"][0]["removedOrderItemIds"] == [OWN_ID]


async def test_an_external_id_in_use_is_the_result_of_an_update() -> None:
    gateway = CommandCaller()
    await gateway.send(INITIATE, order(external_id="E-1"))
    id = (await gateway.send(INITIATE, order(external_id="E-2")))["body"]["id"]
    result = await gateway.send(UPDATE, update(details(external_id="E-1")), id)
    assert (result["status"], result["body"]["code"]) == (409, "external_id_in_use")


async def test_commands_that_give_one_external_id_wait_for_each_other() -> None:
    gateway = CommandCaller()
    id = (await gateway.send(INITIATE, order()))["body"]["id"]
    renamed = gateway.read(UPDATE, update(details(source="web"), details(external_id="E-1")), id)
    begun = gateway.read(INITIATE, order(external_id="E-1"))
    other = gateway.read(INITIATE, order(external_id="E-2"))
    assert {*renamed.names} & {*begun.names} == {"external id\x1facme\x1fE-1"}
    assert not {*renamed.names} & {*other.names}


async def test_a_command_includes_findings_and_takes_their_remedy() -> None:
    gateway = CommandCaller()
    await gateway.checkout.record(offer("o-1", quantity={"min": 3}), price("o-1"))
    begun = (await gateway.send(INITIATE, order(), include="findings"))["body"]
    remedy = begun["findings"]["remedy"]
    actions = update(*remedy["orderItemActions"])
    updated = await gateway.send(UPDATE, actions, begun["id"], include="findings", ifmatch=remedy["ifMatch"])
    assert updated["body"]["findings"] == {
        "ready": True,
        "blockedProducts": [],
        "validationErrors": [],
        "remedy": None,
    }


@pytest.mark.parametrize("type", [INITIATE, UPDATE])
async def test_nothing_but_findings_can_be_included(type: str) -> None:
    gateway = CommandCaller()
    refused = await gateway.send(type, order(), "basket-0198c5a2-7f00-7c3e-9a51-3a5de7f0c101", include="all")
    assert (refused["status"], refused["body"]["code"]) == (400, "invalid_header")


async def test_a_command_is_no_larger_than_a_body_over_http() -> None:
    gateway = CommandCaller()
    limit = Settings(_env_file=None).max_body_bytes
    result = await gateway.send(INITIATE, order(customFields={"text": "x" * limit}))
    assert (result["status"], result["body"].get("code")) == (413, "body_too_large")


async def test_an_id_of_a_command_is_of_its_organisation() -> None:
    gateway = CommandCaller()
    ours = await gateway.send(INITIATE, order(), ce_id="c-1")
    theirs = await gateway.send(INITIATE, order(), ce_id="c-1", ce_partnerorg="globex")
    assert (ours["status"], theirs["status"]) == (200, 200)
    assert theirs["body"]["id"] != ours["body"]["id"]
