"""Executes the commands of gateways and the orders of order services, and publishes the results."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from adapters.kafka.command_executor import KafkaCommandExecutor, QueuedCommand
from adapters.kafka.command_messages import command_message
from adapters.kafka.command_stream import CommandSession, CommandStream
from adapters.kafka.dead_letters import unreadable_batch_letter
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler
from adapters.kafka.order_messages import InvalidOrderMessage, OrderNotice, parse_order
from adapters.kafka.topics import COMMANDS
from domain.basket.command_executor import VersionConflict
from domain.ports.leadership import Leadership, Lease
from domain.ports.messaging import DeadLetter, DeadLetters
from domain.shared.errors import AnsweredElsewhere, RequestInProgress, Unavailable
from workers.dead_letters import send_to_dead_letters
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed

ROLE = "command-worker"
BATCH_MESSAGES = 500
CONCURRENCY = 64
WAIT_SECONDS = 1.0

_log = structlog.get_logger("workers.commands")


Work = QueuedCommand | tuple[OrderNotice, Received] | DeadLetter
"""What a message asks for, or why it cannot be understood."""


@dataclass(frozen=True, slots=True)
class Done:
    """The result that a message gets, and the dead letter about it."""

    result: Message | None = None
    letter: DeadLetter | None = None


class CommandWorker:
    """Each command and each order takes effect once, by the response that is stored with its events. Its result is
    published exactly once if the broker has transactions: the results and offsets of a batch are one Kafka
    transaction, which a successor aborts. Else it is published at least once.

    Commands of one basket, or of one external id, run in their order, others at the same time. One process works,
    others stand by. While the store is away there is neither a result nor an offset.
    """

    name = "commands"

    def __init__(
        self,
        stream: CommandStream,
        commands: KafkaCommandExecutor,
        orders: OrderHandler,
        leadership: Leadership,
        dead_letters: Sequence[DeadLetters],
        *,
        role: str = ROLE,
        batch_messages: int = BATCH_MESSAGES,
        at_once: int = CONCURRENCY,
    ) -> None:
        """Each letter goes to all of `dead_letters`. One process at a time holds `role`."""
        self._stream = stream
        self._commands = commands
        self._orders = orders
        self._leadership = leadership
        self._dead_letters = dead_letters
        self._role = role
        self._batch_messages = batch_messages
        self._at_once = at_once

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(self._role, lambda: heartbeat.stands_by(self._role)) as lease:
            heartbeat.holds(self._role)
            async with self._stream.open() as session:
                heartbeat.measured_by(session.measure_lag)
                while True:
                    heartbeat.handled(await self._round(session, lease))
                    heartbeat.ready(True)

    async def _round(self, session: CommandSession, lease: Lease) -> int:
        """How many messages were handled."""
        batch = await session.next(self._batch_messages, WAIT_SECONDS)
        await lease.confirm()
        if not batch:
            return 0
        work = [self._read(received) for received in batch]
        outcomes = await run_keyed(work, _names, self._do, at_once=self._at_once)
        letters = [outcome.letter for outcome in outcomes if outcome.letter is not None]
        await send_to_dead_letters(self._dead_letters, letters)
        await session.finish(batch, [outcome.result for outcome in outcomes if outcome.result is not None])
        return len(batch)

    def _read(self, received: Received) -> Work:
        if received.unreadable is not None:
            return unreadable_batch_letter(received.unreadable)
        if received.source.topic == COMMANDS:
            message = command_message(received.message, received.name)
            if message is None:
                return received.dead_letter("no_command_id", "without a usable ce_id nobody can be told a result")
            return self._commands.read(message)
        try:
            return parse_order(received.message.key, received.message.value), received
        except InvalidOrderMessage as error:
            return received.dead_letter("not_an_order", str(error))

    async def _do(self, work: Work) -> Done:
        match work:
            case DeadLetter():
                return Done(letter=work)
            case QueuedCommand():
                return Done(await self._commands.result_of(work))
            case (order, received):
                try:
                    settled = await self._orders.settle(order, received)
                    return Done(settled.result, settled.letter)
                except (Unavailable, VersionConflict, AnsweredElsewhere, RequestInProgress):
                    raise
                except Exception as error:  # noqa: BLE001  (one order must not hold up all others)
                    _log.exception("unexpected_failure")
                    return Done(letter=received.dead_letter("order_failed", f"{type(error).__name__}: {error}"))


def _names(work: Work) -> Collection[str]:
    match work:
        case DeadLetter():
            return ()
        case QueuedCommand():
            return work.names
        case (order, _):
            return (order.basket_id,)
