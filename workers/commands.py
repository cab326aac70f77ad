"""Carries out what gateways queue and order services say, and publishes the results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import command_message
from adapters.kafka.command_stream import CommandSession, CommandStream
from adapters.kafka.messages import Message, Received, unreadable_batch_letter
from adapters.kafka.order_placed import OrderPlacedHandler, dead_letter
from adapters.kafka.topics import COMMANDS
from adapters.wire.order_placed import InvalidOrderMessage, OrderPlaced, parse_order
from domain.basket.command_executor import VersionConflict
from domain.ports.leadership import Leadership, Lease
from domain.ports.messaging import DeadLetter, DeadLetters
from domain.shared.errors import Unavailable
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed
from workers.log_context import dead_letter_context

ROLE = "command-worker"
BATCH_MESSAGES = 500
CONCURRENCY = 64
WAIT_SECONDS = 1.0

_log = structlog.get_logger("workers.commands")


CommandOutcome = Message | DeadLetter | None
"""A result to publish, a letter about what could not be understood, or that all is done."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What a message asks for, under the names of what it is about."""

    names: Collection[str]
    do: Callable[[], Awaitable[CommandOutcome]]


class CommandWorker:
    """Each command has its effect once, by its id and the answer that is stored with its events. Its
    result is published exactly once where the broker has transactions (the results and the offsets of a
    batch are one Kafka transaction, and whoever takes over fences its predecessor off), else at least once.

    Commands of one basket, or of one external id, are carried out in order, others at the same time. One
    process works, others stand by. While the store is away there is neither result nor offset.
    """

    name = "commands"

    def __init__(
        self,
        stream: CommandStream,
        commands: KafkaCommandExecutor,
        orders: OrderPlacedHandler,
        leadership: Leadership,
        dead_letters: Sequence[DeadLetters],
        *,
        role: str = ROLE,
        batch_messages: int = BATCH_MESSAGES,
        at_once: int = CONCURRENCY,
    ) -> None:
        """Every one of `dead_letters` is given each letter. `role` names what one process holds at a time."""
        self._stream = stream
        self._commands = commands
        self._orders = orders
        self._leadership = leadership
        self._dead_letters = dead_letters
        self._role = role
        self._batch_messages = batch_messages
        self._at_once = at_once

    async def run(self, heartbeat: Heartbeat) -> None:
        # One that stands by does what it should.
        async with self._leadership.hold(self._role, lambda: heartbeat.stands_by(self._role)) as lease:
            heartbeat.holds(self._role)
            async with self._stream.open() as session:
                heartbeat.measured_by(session.figures)
                while True:
                    heartbeat.handled(await self._round(session, lease))
                    heartbeat.ready(True)

    async def _round(self, session: CommandSession, lease: Lease) -> int:
        """How many messages are done with."""
        batch = await session.next(self._batch_messages, WAIT_SECONDS)
        await lease.confirm()
        if not batch:
            return 0
        work = [self._read(received) for received in batch]
        outcomes = await run_keyed(
            work, lambda each: each.names, lambda each: each.do(), at_once=self._at_once
        )
        letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
        for letter in letters:
            _log.error(
                "a message was not understood",
                source=letter.source,
                code=letter.code,
                error=letter.error,
                **dead_letter_context(letter),
            )
        for dead_letters in self._dead_letters:
            await dead_letters.record(letters)
        await session.finish(batch, [outcome for outcome in outcomes if isinstance(outcome, Message)])
        return len(batch)

    def _read(self, received: Received) -> _Task:
        if received.unreadable is not None:
            return _handed_on(unreadable_batch_letter(received.unreadable))
        if received.source.topic == COMMANDS:
            return self._command(received)
        try:
            order = parse_order(received.message.key, received.message.value)
        except InvalidOrderMessage as error:
            return _not_understood(received, "not_an_order", str(error))
        return _Task((order.basket_id,), lambda: self._completed(order, received))

    async def _completed(self, order: OrderPlaced, received: Received) -> CommandOutcome:
        try:
            return await self._orders.complete(order, received)
        except (Unavailable, VersionConflict):
            raise
        except Exception as error:  # noqa: BLE001  (one order must not hold up all others)
            _log.exception("unexpected_failure")
            return dead_letter(received, "order_failed", f"{type(error).__name__}: {error}")

    def _command(self, received: Received) -> _Task:
        message = command_message(received.message)
        if message is None:
            return _not_understood(
                received, "no_command_id", "without a usable ce_id nobody can be told a result"
            )
        command = self._commands.read(message)
        return _Task(command.names, lambda: self._commands.result_of(command))


def _not_understood(received: Received, code: str, error: str) -> _Task:
    return _handed_on(dead_letter(received, code, error))


def _handed_on(letter: DeadLetter) -> _Task:
    async def hand_on() -> CommandOutcome:
        return letter

    return _Task((), hand_on)
