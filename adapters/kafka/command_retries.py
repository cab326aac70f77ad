"""What is done about commands and orders that were not carried out."""

from __future__ import annotations

from pydantic_core import from_json

from adapters.kafka import topics
from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import CommandMessage, command_message
from adapters.kafka.messages import Received, original_message
from adapters.kafka.order_placed import OrderPlacedHandler
from adapters.kafka.producer import send_standalone
from adapters.settings import Settings
from adapters.wire.order_placed import InvalidOrderMessage, parse_order
from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.store import RetryFailed, RetryPlan, StoredDeadLetter


class CommandRetryHandler:
    """A command or an order was not carried out. The handlers of the command worker carry it out, beside a
    worker that runs, and once: an order by its id; a command by its id, for as long as answers are kept, and
    one that came without by the letter's. The result is published at least once, with the same `ce_id`."""

    topics = (topics.COMMANDS, topics.ORDERS)
    settles_all = False

    def __init__(
        self, settings: Settings, commands: KafkaCommandExecutor, orders: OrderPlacedHandler
    ) -> None:
        self._settings = settings
        self._commands = commands
        self._orders = orders

    def kind(self, topic: str) -> MessageKind:
        return "command" if topic == topics.COMMANDS else "order"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        if self.kind(letter.message.source.topic) == "command":
            return _plan_of_command(letter)
        skip = "settles the letter; the basket stays as it is"
        try:
            order = parse_order(letter.message.key, letter.message.value)
        except InvalidOrderMessage as error:
            return RetryPlan(f"nothing yet, for it is still not understood: {error}", skip)
        return RetryPlan(f"completes {order.basket_id} by the order {order.order_id}", skip)

    async def retry(self, letter: StoredDeadLetter) -> str:
        if self.kind(letter.message.source.topic) == "command":
            return await self._command(letter)
        return await self._order(letter)

    async def skip(self, _: StoredDeadLetter) -> str:
        return "left out"

    async def settled(self, _: StoredDeadLetter) -> None:
        return

    async def _command(self, letter: StoredDeadLetter) -> str:
        command = self._commands.read(_command_of(letter))
        result = await self._commands.result_of(command)
        status = from_json(result.value or b"{}").get("status", 500)
        if status >= 500:
            raise RetryFailed(f"it failed with status {status}; no result was published")
        await send_standalone(self._settings, "retried commands", [result])
        return f"carried out as command {command.message.id}, answered {status} on {topics.COMMAND_RESULTS}"

    async def _order(self, letter: StoredDeadLetter) -> str:
        message = original_message(letter.message)
        try:
            order = parse_order(message.key, message.value)
        except InvalidOrderMessage as error:
            raise RetryFailed(f"it is still not understood: {error}") from error
        refused = await self._orders.complete(order, Received(message, letter.message.source))
        if refused is not None:
            raise RetryFailed(refused.error)
        return f"{order.basket_id} is completed by the order {order.order_id}"


def _command_of(letter: StoredDeadLetter) -> CommandMessage:
    message = original_message(letter.message)
    return command_message(message) or CommandMessage(f"dead-letter/{letter.id}", message)


def _plan_of_command(letter: StoredDeadLetter) -> RetryPlan:
    command, named = _command_of(letter), command_message(original_message(letter.message)) is not None
    what = f"carries out {command.type or 'a command of no type'} for {command.partner or 'no organisation'}"
    where = f" on {command.subject}" if command.subject else ""
    # Its sender may have sent it again, under an id: nobody can know that but whoever asks.
    unnamed = (
        "" if named else ", for it came without one (so make sure that its sender did not send it again)"
    )
    return RetryPlan(
        f"{what}{where} as command {command.id}{unnamed}, and publishes the result",
        "settles the letter; the command is not carried out, and its sender is told nothing",
        only_by_name=not named,
    )
