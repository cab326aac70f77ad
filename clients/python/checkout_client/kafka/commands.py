"""Sends commands to the service by Kafka, for gateways that queue, and reads their results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypedDict, Unpack
from uuid import uuid4

from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.messages import COMMAND_RESULTS_TOPIC, COMMANDS_TOPIC
from checkout_client.kafka.results import RESULT_SECONDS, ResultWaiter, cloud_event
from checkout_client.models.answers import CommandResult
from checkout_client.models.base import WireModel
from checkout_client.models.commands import CancelBasket, InitiateBasket, UpdateBasket

INITIATE = "checkout.initiate-basket.v1"
UPDATE = "checkout.update-basket.v1"
VALIDATE = "checkout.validate-basket.v1"
CANCEL = "checkout.cancel-basket.v1"


class CommandOptions(TypedDict, total=False):
    """What every command takes beside its body."""

    id: str
    """The command's idempotency key. Without one, each call is a command of its own."""
    correlation_id: str
    """Identifies the conversation."""
    seconds: float
    """How long to wait for the result."""
    headers: Mapping[str, str]
    """Those that docs/kafka-commands.md names beside the attributes: `ifmatch`, `ifnonematch`, `prefer`, `include`,
    `traceparent`."""


class CommandSender:
    """Writes the commands of one partner organisation to `checkout.commands.v1`.

    A command that is sent again with its id is not executed again, and gets the same result. All calls raise NoResult,
    which names the id to send again, and KafkaError. A refusal is a result too: look at its `status`.
    """

    def __init__(self, connection: KafkaConnection, *, partner: str, source: str = "/gateway") -> None:
        """`source` names your program in the metadata of events."""
        self._partner = partner
        self._source = source
        self._waiter = ResultWaiter(connection, COMMAND_RESULTS_TOPIC, CommandResult)

    async def __aenter__(self) -> Self:
        await self._waiter.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._waiter.__aexit__(kind, error, traceback)

    async def initiate(self, command: InitiateBasket, **options: Unpack[CommandOptions]) -> CommandResult:
        """Creates a basket, or sets the one that the order names."""
        key = command.order.checkout_id or command.order.external_id
        return await self._execute(INITIATE, key, command.order.checkout_id, command, options)

    async def update(self, basket_id: str, command: UpdateBasket, **options: Unpack[CommandOptions]) -> CommandResult:
        """Applies actions to a basket: all of them, or none."""
        return await self._execute(UPDATE, basket_id, basket_id, command, options)

    async def validate(self, basket_id: str, **options: Unpack[CommandOptions]) -> CommandResult:
        """Validates a basket; the result's body is the verdict."""
        return await self._execute(VALIDATE, basket_id, basket_id, None, options)

    async def cancel(self, basket_id: str, command: CancelBasket, **options: Unpack[CommandOptions]) -> CommandResult:
        """Gives a basket up."""
        return await self._execute(CANCEL, basket_id, basket_id, command, options)

    async def _execute(
        self, type: str, key: str | None, basket_id: str | None, command: WireModel | None, options: CommandOptions
    ) -> CommandResult:
        id = options.get("id") or str(uuid4())
        attributes = cloud_event(
            type,
            id=id,
            source=self._source,
            time=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            subject=basket_id,
            partnerorg=self._partner,
            correlationid=options.get("correlation_id"),
        )
        more = tuple((name, value.encode()) for name, value in options.get("headers", {}).items())
        value = None if command is None else command.to_json()
        seconds = options.get("seconds", RESULT_SECONDS)
        return await self._waiter.send_and_wait(COMMANDS_TOPIC, id, key or id, value, (*attributes, *more), seconds)
