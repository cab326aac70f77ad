"""Keeps the basket views: reads basket events from Kafka and brings each basket's view forward."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.dead_letters import unreadable_batch_letter
from adapters.kafka.messages import Received
from domain.basket.codec import decode_all
from domain.basket.projection import BasketProjection
from domain.ports.messaging import DeadLetter, DeadLetters
from domain.ports.read_models import BlockedBaskets
from domain.shared.eventsourcing import DomainEvent
from domain.shared.values import BASKET_ID_PATTERN
from workers.heartbeat import Heartbeat
from workers.log_context import dead_letter_context

GROUP = "checkout-basket-views"
BATCH_MESSAGES = 2_000
WAIT_SECONDS = 1.0

_BASKET_ID = re.compile(BASKET_ID_PATTERN)
_log = structlog.get_logger("workers.projector")


DecryptMessages = Callable[[Sequence[Received]], Awaitable[Sequence[Received]]]
"""Messages as they came to messages as they are to be read. Raises StoreUnavailable."""


async def _as_they_came(batch: Sequence[Received]) -> Sequence[Received]:
    return batch


class InvalidMessage(Exception):
    """A message that says nothing a view could be moved by: a stable code, and words."""

    def __init__(self, code: str, error: str) -> None:
        super().__init__(error)
        self.code = code


@dataclass(slots=True)
class _BasketBatch:
    """One basket's part of a batch, up to the first message that is not understood."""

    events: list[DomainEvent] = field(default_factory=list)
    messages: list[Received] = field(default_factory=list)
    letter: DeadLetter | None = None


class ProjectorWorker:
    """At least once, and without harm when it is more: moves the views in one transaction, each only from
    the version that its fold began with, and commits the offsets after it. Repeats are passed over, gaps
    are filled from the event store. A crash or a rebalance at any moment loses nothing and moves no view
    back.

    What cannot be understood becomes a dead letter, and its basket is parked: the basket's later events,
    which lie in the store, wait until it is released; other baskets go on.
    """

    name = "projector"

    def __init__(
        self,
        subscription: ConsumerGroup,
        projection: BasketProjection,
        parked: BlockedBaskets,
        dead_letters: Sequence[DeadLetters],
        *,
        opened: DecryptMessages = _as_they_came,
        batch_messages: int = BATCH_MESSAGES,
    ) -> None:
        """Every one of `dead_letters` is given each letter; `parked` is told by one of them. `opened` opens what
        was published sealed."""
        self._subscription = subscription
        self._projection = projection
        self._parked = parked
        self._dead_letters = dead_letters
        self._opened = opened
        self._batch_messages = batch_messages

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._subscription.open() as batches:
            heartbeat.measured_by(batches.measure_lag)
            while True:
                heartbeat.handled(await self._round(batches))
                heartbeat.ready(True)

    async def _round(self, batches: GroupConsumer) -> int:
        """How many messages are done with."""
        came = await batches.next(self._batch_messages, WAIT_SECONDS)
        if not came:
            return 0
        batch = await self._opened(came)
        baskets, letters = _sorted_out(batch)
        for basket_id in await self._parked.blocked(baskets.keys()):
            del baskets[basket_id]
        stuck = await self._projection.apply({id: arrived.events for id, arrived in baskets.items()})
        for basket_id, arrived in baskets.items():
            if (reason := stuck.get(basket_id)) is not None:
                message = next(
                    message
                    for message, event in zip(arrived.messages, arrived.events, strict=True)
                    if event.originator_version >= reason.version
                )
                letters.append(_letter(message, "cannot_be_applied", reason.error, basket_id))
            elif arrived.letter is not None:
                letters.append(arrived.letter)
        if letters:
            # As they came: what was published sealed is not to lie open among the dead letters.
            values = {message.source: message.message.value for message in came}
            await self._bury([replace(letter, value=values[letter.source]) for letter in letters])
        # Last of all: a crash before this line repeats what was done, and repeating it changes nothing.
        await batches.commit(came)
        return len(came)

    async def _bury(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            _log.error(
                "a message was not understood",
                source=letter.source,
                code=letter.code,
                error=letter.error,
                parked=letter.basket_id is not None,
                **dead_letter_context(letter),
            )
        for dead_letters in self._dead_letters:
            await dead_letters.record(letters)


def _sorted_out(batch: Sequence[Received]) -> tuple[dict[str, _BasketBatch], list[DeadLetter]]:
    """The batch by basket, and the letters about messages that name no basket."""
    baskets: dict[str, _BasketBatch] = {}
    letters: list[DeadLetter] = []
    for message in batch:
        if message.unreadable is not None:
            letters.append(unreadable_batch_letter(message.unreadable))
            continue
        basket_id = _basket_id(message)
        if basket_id is None:
            letters.append(_letter(message, "no_basket", "neither key nor ce_subject is a basket's id", None))
            continue
        arrived = baskets.setdefault(basket_id, _BasketBatch())
        if arrived.letter is not None:
            continue
        try:
            event = _understood(message, basket_id)
        except InvalidMessage as error:
            arrived.letter = _letter(message, error.code, str(error), basket_id)
        else:
            arrived.events.append(event)
            arrived.messages.append(message)
    return baskets, letters


def _basket_id(message: Received) -> str | None:
    key = message.message.key
    for name in (key.decode(errors="replace") if key else None, message.message.header("ce_subject")):
        if name is not None and _BASKET_ID.fullmatch(name):
            return name
    return None


def _understood(message: Received, basket_id: str) -> DomainEvent:
    value = message.message.value
    if value is None:
        raise InvalidMessage("no_value", "the message has no value")
    try:
        (event,) = decode_all(b"[" + value + b"]")
    except Exception as error:
        # Whatever is wrong with a message must not hold up other baskets.
        raise InvalidMessage("unreadable", f"{type(error).__name__}: {error}") from error
    if event.originator_id != basket_id:
        raise InvalidMessage("other_basket", f"the event is about {event.originator_id}")
    return event


def _letter(message: Received, code: str, error: str, basket_id: str | None) -> DeadLetter:
    return DeadLetter(
        source=message.source,
        key=message.message.key,
        value=message.message.value,
        headers=message.message.headers,
        code=code,
        error=error,
        basket_id=basket_id,
    )
