"""What is done about commands and orders that were not carried out."""

from __future__ import annotations

from pydantic_core import from_json

from adapters.contract.orders import NotAnOrder, parse_order
from adapters.kafka import topics
from adapters.kafka.command_messages import CommandMessage, command_message
from adapters.kafka.commanding import Commands
from adapters.kafka.messages import Received, buried_message
from adapters.kafka.ordering import Orders
from adapters.kafka.sending import send_apart
from adapters.settings import Settings
from domain.operating.dead_letters import Kind
from domain.operating.letter_book import Buried, Plan, StillDead


class BasketChangeRemedy:
    """A command or an order was not carried out. The handlers of the command worker carry it out, beside a
    worker that runs, and once: an order by its id; a command by its id, for as long as answers are kept, and
    one that came without by the letter's. The result is published at least once, with the same `ce_id`."""

    topics = (topics.COMMANDS, topics.ORDERS)
    settles_all = False

    def __init__(self, settings: Settings, commands: Commands, orders: Orders) -> None:
        self._settings = settings
        self._commands = commands
        self._orders = orders

    def kind(self, topic: str) -> Kind:
        return "command" if topic == topics.COMMANDS else "order"

    def plan(self, letter: Buried) -> Plan:
        if self.kind(letter.message.source.topic) == "command":
            return _plan_of_command(letter)
        skip = "settles the letter; the basket stays as it is"
        try:
            order = parse_order(letter.message.key, letter.message.value)
        except NotAnOrder as error:
            return Plan(f"nothing yet, for it is still not understood: {error}", skip)
        return Plan(f"completes {order.basket_id} by the order {order.order_id}", skip)

    async def retry(self, letter: Buried) -> str:
        if self.kind(letter.message.source.topic) == "command":
            return await self._command(letter)
        return await self._order(letter)

    async def skip(self, _: Buried) -> str:
        return "left out"

    async def settled(self, _: Buried) -> None:
        return

    async def _command(self, letter: Buried) -> str:
        command = self._commands.read(_command_of(letter))
        result = await self._commands.result_of(command)
        status = from_json(result.value or b"{}").get("status", 500)
        if status >= 500:
            raise StillDead(f"it failed with status {status}; no result was published")
        await send_apart(self._settings, "retried commands", [result])
        return f"carried out as command {command.message.id}, answered {status} on {topics.COMMAND_RESULTS}"

    async def _order(self, letter: Buried) -> str:
        message = buried_message(letter.message)
        try:
            order = parse_order(message.key, message.value)
        except NotAnOrder as error:
            raise StillDead(f"it is still not understood: {error}") from error
        refused = await self._orders.complete(order, Received(message, letter.message.source))
        if refused is not None:
            raise StillDead(refused.error)
        return f"{order.basket_id} is completed by the order {order.order_id}"


def _command_of(letter: Buried) -> CommandMessage:
    message = buried_message(letter.message)
    return command_message(message) or CommandMessage(f"dead-letter/{letter.id}", message)


def _plan_of_command(letter: Buried) -> Plan:
    command, named = _command_of(letter), command_message(buried_message(letter.message)) is not None
    what = f"carries out {command.type or 'a command of no type'} for {command.partner or 'no organisation'}"
    where = f" on {command.subject}" if command.subject else ""
    # Its sender may have sent it again, under an id: nobody can know that but whoever asks.
    unnamed = (
        "" if named else ", for it came without one (so make sure that its sender did not send it again)"
    )
    return Plan(
        f"{what}{where} as command {command.id}{unnamed}, and publishes the result",
        "settles the letter; the command is not carried out, and its sender is told nothing",
        only_by_name=not named,
    )
