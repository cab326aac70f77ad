"""What is done about dead letters, by their topics: what the worker that buried them would have done."""

from __future__ import annotations

from pydantic_core import from_json

from adapters.contract.orders import NotAnOrder, parse_order
from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, NotAFact, fact_of
from adapters.kafka.command_messages import CommandMessage, command_message
from adapters.kafka.commanding import Commands
from adapters.kafka.messages import Message, Received, verdict_message
from adapters.kafka.ordering import Orders
from adapters.kafka.sending import send_apart
from adapters.settings import Settings
from domain.basket.projection import BasketProjection
from domain.basket.verdicts import VerdictLost, WholeVerdicts
from domain.operating.dead_letters import Buried, Kind, Plan, StillDead
from domain.ports import CatalogueFacts, EventStore

LEFT_OUT = "left out"


class BasketViewRemedy:
    """A message about a basket was not understood, and its view waits. The event store has all that any
    message could have said: the view is folded from there, which does for all letters of the basket."""

    topics = (topics.BASKET_EVENTS,)
    settles_all = True

    def __init__(self, projection: BasketProjection) -> None:
        self._projection = projection

    def kind(self, _: str) -> Kind:
        return "basket-event"

    def plan(self, letter: Buried) -> Plan:
        if letter.about is None:
            return Plan(
                "nothing: the message names no basket", "settles the letter, which holds up no basket"
            )
        folds = f"folds the view of {letter.about} from the event store"
        return Plan(
            f"{folds} and lets it go on",
            f"{folds} and lets it go on: no event can be left out of a basket. Where it cannot be folded the "
            "letter stays, and the basket is still parked",
        )

    async def retry(self, letter: Buried) -> str:
        if letter.about is None:
            raise StillDead("the message names no basket, so there is nothing to do; it can be skipped")
        await self._fold(letter.about)
        return f"the view of {letter.about} was folded from the event store, and goes on"

    async def skip(self, letter: Buried) -> str:
        return LEFT_OUT if letter.about is None else await self.retry(letter)

    async def settled(self, letter: Buried) -> None:
        # An event that arrived before the letter was settled was passed over, for the basket was parked.
        if letter.about is not None:
            await self._fold(letter.about)

    async def _fold(self, basket_id: str) -> None:
        if (stuck := await self._projection.refold(basket_id)) is not None:
            raise StillDead(
                f"version {stuck.version} cannot be folded, so the basket stays parked: {stuck.error}"
            )


class CatalogueRemedy:
    """A message of the catalogue, or about policies, was not learned. It is parsed and learned again: by now
    it may be understood. A fact knows by its sequence whether it is news."""

    topics = CATALOGUE_TOPICS
    settles_all = False

    def __init__(self, facts: CatalogueFacts) -> None:
        self._facts = facts

    def kind(self, _: str) -> Kind:
        return "catalogue-fact"

    def plan(self, letter: Buried) -> Plan:
        try:
            fact = fact_of(message_of(letter))
        except NotAFact as error:
            retry = f"nothing yet, for it is still not understood: {error}"
        else:
            retry = f"learns {fact.fact_id}" if fact else "nothing: the message has no value"
        return Plan(retry, "settles the letter; the catalogue does not learn what the message says")

    async def retry(self, letter: Buried) -> str:
        try:
            fact = fact_of(message_of(letter))
        except NotAFact as error:
            raise StillDead(f"it is still not understood: {error}") from error
        if fact is None:
            return "the message has no value, and says nothing"
        learned = await self._facts.learn([(fact, letter.message.source)])
        if learned.contradicts:
            raise StillDead(f"another content is recorded as {fact.fact_id}")
        return f"learned {fact.fact_id}" if learned.new else f"{fact.fact_id} was known already"

    async def skip(self, _: Buried) -> str:
        return LEFT_OUT

    async def settled(self, _: Buried) -> None:
        return


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
        return LEFT_OUT

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
        message = message_of(letter)
        try:
            order = parse_order(message.key, message.value)
        except NotAnOrder as error:
            raise StillDead(f"it is still not understood: {error}") from error
        refused = await self._orders.complete(order, Received(message, letter.message.source))
        if refused is not None:
            raise StillDead(refused.error)
        return f"{order.basket_id} is completed by the order {order.order_id}"


class VerdictRemedy:
    """A verdict was not published, for it could not be put together. It is put together again, from the
    store alone, and published at least once. It comes after later ones of its basket: `ce_sequence` says so."""

    topics = ("event-store",)
    settles_all = False

    def __init__(self, settings: Settings, store: EventStore) -> None:
        self._settings = settings
        self._store = store

    def kind(self, _: str) -> Kind:
        return "verdict"

    def plan(self, letter: Buried) -> Plan:
        which = f"the verdict of {letter.about} at position {letter.message.source.offset}"
        return Plan(
            f"puts {which} together again and publishes it to {topics.VALIDATION_RESULTS}",
            f"settles the letter; {which} is never published",
        )

    async def retry(self, letter: Buried) -> str:
        stream_id = (letter.message.key or b"").decode(errors="replace")
        position = letter.message.source.offset
        stored = await self._store.read_events(stream_id)
        event = next((event for event in stored if event.position == position), None)
        if event is None:
            raise StillDead(f"{stream_id} has no event at position {position}")
        verdict = (await WholeVerdicts(self._store).of([event])).get(position)
        if verdict is None or isinstance(verdict, VerdictLost):
            raise StillDead(str(verdict or "the event is no verdict"))
        await send_apart(self._settings, "retried verdicts", [verdict_message(event, verdict)])
        return f"published to {topics.VALIDATION_RESULTS} as {stream_id}/{event.version}"

    async def skip(self, _: Buried) -> str:
        return LEFT_OUT

    async def settled(self, _: Buried) -> None:
        return


def message_of(letter: Buried) -> Message:
    """The message as it came."""
    message = letter.message
    return Message(message.source.topic, message.key, message.value, tuple(message.headers))


def _command_of(letter: Buried) -> CommandMessage:
    message = message_of(letter)
    return command_message(message) or CommandMessage(f"dead-letter/{letter.id}", message)


def _plan_of_command(letter: Buried) -> Plan:
    command, named = _command_of(letter), command_message(message_of(letter)) is not None
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
