"""Retries dead letters: does what the worker would have done that did not understand the message."""

from __future__ import annotations

from collections.abc import Collection

from pydantic_core import from_json

from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, parse_catalogue_message
from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import CommandMessage, command_message
from adapters.kafka.dead_letters import original_message
from adapters.kafka.messages import EPOCH, Received, verdict_message
from adapters.kafka.order_handler import OrderHandler
from adapters.kafka.order_messages import InvalidOrderMessage, OrderNotice, parse_order
from adapters.kafka.producer import MessageTooLarge, send_standalone
from adapters.settings import Settings
from adapters.wire.facts import InvalidFact
from domain.basket.projection import BasketProjection
from domain.basket.request_spans import RequestSpanReader
from domain.catalogue.epochs import CatalogueMessage, FactMessage, Tombstone
from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.retry_handler import SKIPPED, RetryFailed, RetryHandler, RetryPlan
from domain.operators.dead_letters.store import StoredDeadLetter
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore
from domain.ports.messaging import Publication
from domain.validation.stream_fold import UnfoldableBasket
from domain.validation.verdict_assembler import VerdictAssembler


class BasketViewRetryHandler(RetryHandler):
    """For messages about baskets. The event store has all that any message could have said: folding the view from
    there settles all letters of the basket."""

    topics = (topics.BASKET_EVENTS,)
    settles_all = True

    def __init__(self, projection: BasketProjection) -> None:
        self._projection = projection

    def kind(self, topic: str) -> MessageKind:
        return "basket-event"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        if letter.basket_id is None:
            return RetryPlan("nothing: the message names no basket", "settles the letter, which blocks no basket")
        folds = f"folds the view of {letter.basket_id} from the event store and unblocks it"
        return RetryPlan(
            folds,
            f"{folds}: no event can be left out of a basket. Where it cannot be folded the letter stays, and the "
            "basket is still blocked",
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        if letter.basket_id is None:
            raise RetryFailed("the message names no basket, so there is nothing to do; it can be skipped")
        await self._fold(letter.basket_id)
        return f"the view of {letter.basket_id} was folded from the event store, and goes on"

    async def skip(self, letter: StoredDeadLetter) -> str:
        return SKIPPED if letter.basket_id is None else await self.retry(letter)

    async def settled(self, letter: StoredDeadLetter) -> None:
        # An event that arrived before the letter was settled was skipped, because the basket was blocked.
        if letter.basket_id is not None:
            await self._fold(letter.basket_id)

    async def _fold(self, basket_id: str) -> None:
        if (failure := await self._projection.refold(basket_id)) is not None:
            raise RetryFailed(
                f"version {failure.version} cannot be folded, so the basket stays blocked: {failure.error}"
            )


class CatalogueRetryHandler(RetryHandler):
    """For messages of the catalogue and about policies. A message is parsed and recorded again; the fact's sequence
    says whether it is news."""

    topics = CATALOGUE_TOPICS

    def __init__(self, facts: CatalogueFacts, ignored: Collection[str] = ()) -> None:
        """`ignored` are the names of unknown members that are allowed."""
        self._facts = facts
        self._ignored = ignored

    def kind(self, topic: str) -> MessageKind:
        return "catalogue-fact"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        try:
            message = self._parse(letter)
        except InvalidFact as error:
            retry = f"nothing yet, for it is still not understood: {error}"
        else:
            retry = "withdraws what its key names"
            if isinstance(message, FactMessage):
                retry = f"learns {message.fact.fact_id}"
        return RetryPlan(retry, "settles the letter; the catalogue does not learn what the message says")

    async def retry(self, letter: StoredDeadLetter) -> str:
        try:
            message = self._parse(letter)
        except InvalidFact as error:
            raise RetryFailed(f"it is still not understood: {error}") from error
        result = await self._facts.record([message])
        if isinstance(message, Tombstone):
            return "withdrew nothing" if result.idle else f"withdrew {result.withdrawn} facts"
        fact_id = message.fact.fact_id
        if result.contradicts:
            raise RetryFailed(f"another content is recorded as {fact_id}")
        return f"learned {fact_id}" if result.new else f"{fact_id} was known already"

    def _parse(self, letter: StoredDeadLetter) -> CatalogueMessage:
        # A letter has no message time. It counts as older than all that was recorded after it.
        return parse_catalogue_message(
            Received(original_message(letter.message), letter.message.source, at=EPOCH), self._ignored
        )


class VerdictRetryHandler(RetryHandler):
    """For verdicts that could not be assembled. A verdict is assembled from the store and published at least once, after
    later ones of its basket: `ce_sequence` tells the order."""

    topics = ("event-store",)

    def __init__(self, settings: Settings, store: EventStore) -> None:
        self._settings = settings
        self._store = store

    def kind(self, topic: str) -> MessageKind:
        return "verdict"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        verdict = f"the verdict of {letter.basket_id} at position {letter.message.source.offset}"
        return RetryPlan(
            f"puts {verdict} together again and publishes it to {topics.VALIDATION_RESULTS}",
            f"settles the letter; {verdict} is never published",
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        stream_id = (letter.message.key or b"").decode(errors="replace")
        position = letter.message.source.offset
        events = await self._store.read_events(stream_id)
        event = next((event for event in events if event.position == position), None)
        if event is None:
            raise RetryFailed(f"{stream_id} has no event at position {position}")
        verdict = (await VerdictAssembler(self._store).of([event])).get(position)
        if verdict is None or isinstance(verdict, UnfoldableBasket):
            raise RetryFailed(str(verdict or "the event is no verdict"))
        (request,) = await RequestSpanReader(self._store).of([event])
        message = verdict_message(Publication(event, request, verdict))
        try:
            await send_standalone(self._settings, "retried verdicts", [message])
        except MessageTooLarge as error:
            raise RetryFailed(str(error)) from error
        return f"published to {topics.VALIDATION_RESULTS} as {message.header('ce_id')}"


class CommandRetryHandler(RetryHandler):
    """For commands and orders, which have one order for each basket. Each takes effect once, beside a command worker
    that runs: by the order's id, or by the command's id while responses are stored. A command that came without an id
    takes the letter's number. A command's result is published at least once, with the same `ce_id`; each retry of an
    order has a result of its own."""

    topics = (topics.COMMANDS, topics.ORDERS)

    def __init__(self, settings: Settings, commands: KafkaCommandExecutor, orders: OrderHandler) -> None:
        self._settings = settings
        self._commands = commands
        self._orders = orders

    def kind(self, topic: str) -> MessageKind:
        return "command" if topic == topics.COMMANDS else "order"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        if letter.message.source.topic == topics.COMMANDS:
            return _plan_command(letter)
        skip = "settles the letter; the basket stays as it is"
        try:
            order = parse_order(letter.message.key, letter.message.value)
        except InvalidOrderMessage as error:
            return RetryPlan(f"nothing yet, for it is still not understood: {error}", skip)
        if order.message.status == "rejected":
            return RetryPlan(
                f"opens {order.basket_id} again, because the order {order.message.order_id} is rejected", skip
            )
        return RetryPlan(f"completes {order.basket_id} by the order {order.message.order_id}", skip)

    async def retry(self, letter: StoredDeadLetter) -> str:
        if letter.message.source.topic == topics.COMMANDS:
            return await self._execute_command(letter)
        try:
            order = parse_order(letter.message.key, letter.message.value)
        except InvalidOrderMessage as error:
            raise RetryFailed(f"it is still not understood: {error}") from error
        received = Received(original_message(letter.message), letter.message.source)
        settled = await self._orders.settle(order, received, retry=f"dead-letter/{letter.id}")
        await send_standalone(self._settings, "retried orders", [settled.result])
        if settled.refused is not None:
            raise RetryFailed(f"{order.basket_id}: {settled.refused}")
        return _describe_settled(order)

    async def _execute_command(self, letter: StoredDeadLetter) -> str:
        command = self._commands.read(_command(letter))
        result = await self._commands.result_of(command)
        status = from_json(result.value or b"{}").get("status", 500)
        if status >= 500:
            raise RetryFailed(f"it failed with status {status}; no result was published")
        await send_standalone(self._settings, "retried commands", [result])
        return f"carried out as command {command.message.id}, answered {status} on {topics.COMMAND_RESULTS}"


def _describe_settled(order: OrderNotice) -> str:
    if order.message.status == "rejected":
        return f"{order.basket_id} is open, because the order {order.message.order_id} is rejected"
    return f"{order.basket_id} is completed by the order {order.message.order_id}"


def _command(letter: StoredDeadLetter) -> CommandMessage:
    message, name = original_message(letter.message), f"dead-letter/{letter.id}"
    return command_message(message, name) or CommandMessage(name, message, name)


def _plan_command(letter: StoredDeadLetter) -> RetryPlan:
    command = _command(letter)
    named = command.id != command.name
    what = f"carries out {command.type or 'a command of no type'} for {command.partner or 'no organisation'}"
    where = f" on {command.subject}" if command.subject else ""
    # Its sender may have sent it again with an id, which only the operator can find out.
    unnamed = "" if named else ", for it came without one (so make sure that its sender did not send it again)"
    return RetryPlan(
        f"{what}{where} as command {command.id}{unnamed}, and publishes the result",
        "settles the letter; the command is not carried out, and its sender is told nothing",
        only_by_name=not named,
    )
