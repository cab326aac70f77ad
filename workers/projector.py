"""Projects basket events from Kafka into the basket views."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.dead_letters import unreadable_batch_letter
from adapters.kafka.messages import Received
from domain.basket.codec import decode_all
from domain.basket.projection import ArrivedEvents, BasketProjection
from domain.ports.messaging import DeadLetter, DeadLetters
from domain.ports.read_models import BlockedBaskets
from domain.shared.eventsourcing import DomainEvent
from domain.shared.values import BASKET_ID_PATTERN
from workers.dead_letters import send_to_dead_letters
from workers.heartbeat import Heartbeat

GROUP = "checkout-basket-views"
BATCH_MESSAGES = 2_000
WAIT_SECONDS = 1.0

DecryptMessages = Callable[[Sequence[Received]], Awaitable[Sequence[Received]]]
"""Decrypts the messages of a batch. Raises StoreUnavailable."""

_BASKET_ID = re.compile(BASKET_ID_PATTERN)
_log = structlog.get_logger("workers.projector")


async def _not_encrypted(batch: Sequence[Received]) -> Sequence[Received]:
    return batch


@dataclass(slots=True)
class _BasketBatch:
    """One basket's events in a batch, up to the first message that becomes a dead letter, and their messages."""

    events: ArrivedEvents | Sequence[DomainEvent]
    messages: Sequence[Received]
    letter: DeadLetter | None = None

    @property
    def versions(self) -> Iterator[int]:
        events = self.events.structs if isinstance(self.events, ArrivedEvents) else self.events
        return (event.originator_version for event in events)


class ProjectorWorker:
    """At least once: writes the views in one transaction, then commits the offsets. Repeats change nothing.

    A view only moves from the version that its fold began with, and gaps are filled from the event store. So a crash
    or a rebalance at any moment loses nothing, and moves no view back. A message that cannot be projected becomes a
    dead letter and blocks its basket: later events wait in the store until the letter is resolved. Other baskets go on.
    """

    name = "projector"

    def __init__(
        self,
        consumers: ConsumerGroup,
        projection: BasketProjection,
        blocked: BlockedBaskets,
        dead_letters: Sequence[DeadLetters],
        *,
        decrypt: DecryptMessages = _not_encrypted,
        batch_messages: int = BATCH_MESSAGES,
    ) -> None:
        """Each letter goes to all of `dead_letters`; one of them tells `blocked`."""
        self._consumers = consumers
        self._projection = projection
        self._blocked = blocked
        self._dead_letters = dead_letters
        self._decrypt = decrypt
        self._batch_messages = batch_messages

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._consumers.open() as consumer:
            heartbeat.measured_by(consumer.measure_lag)
            async with aclosing(self._batches(consumer)) as batches:
                async for received in batches:
                    await self._project(consumer, received)
                    heartbeat.handled(len(received))
                    heartbeat.ready(True)

    async def _batches(self, consumer: GroupConsumer) -> AsyncGenerator[Sequence[Received]]:
        """The next one is fetched while one is projected. What a rebalance gives to another member meanwhile is
        projected by both, which changes nothing."""
        coming = asyncio.create_task(consumer.next(self._batch_messages, WAIT_SECONDS))
        try:
            while True:
                received = await coming
                coming = asyncio.create_task(consumer.next(self._batch_messages, WAIT_SECONDS))
                yield received
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _project(self, consumer: GroupConsumer, received: Sequence[Received]) -> None:
        if not received:
            return
        baskets, letters = _group(await self._decrypt(received))
        for basket_id in await self._blocked.blocked(baskets.keys()):
            del baskets[basket_id]
        stuck = await self._projection.apply({id: batch.events for id, batch in baskets.items()})
        for basket_id, batch in baskets.items():
            if (failure := stuck.get(basket_id)) is not None:
                message = next(
                    message
                    for message, version in zip(batch.messages, batch.versions, strict=True)
                    if version >= failure.version
                )
                letters.append(message.dead_letter("cannot_be_applied", failure.error, basket_id))
            elif batch.letter is not None:
                letters.append(batch.letter)
        if letters:
            # Dead letters keep the messages as they were received: encrypted ones stay encrypted.
            values = {message.source: message.message.value for message in received}
            await send_to_dead_letters(
                self._dead_letters, [replace(letter, value=values[letter.source]) for letter in letters]
            )
        # Last: after a crash before this line the batch is projected again, which changes nothing.
        await consumer.commit(received)


def _group(received: Sequence[Received]) -> tuple[dict[str, _BasketBatch], list[DeadLetter]]:
    """The batch by basket, and the dead letters of messages that name no basket."""
    messages: dict[str, list[Received]] = {}
    letters: list[DeadLetter] = []
    for message in received:
        if message.unreadable is not None:
            letters.append(unreadable_batch_letter(message.unreadable))
        elif (basket_id := _basket_id(message)) is None:
            words = "neither key nor ce_subject is a basket's id"
            letters.append(message.dead_letter("no_basket", words))
        else:
            messages.setdefault(basket_id, []).append(message)
    return {basket_id: _decode(basket_id, of_basket) for basket_id, of_basket in messages.items()}, letters


def _decode(basket_id: str, messages: Sequence[Received]) -> _BasketBatch:
    """All at once as structs where nothing is odd, else one after the other as models."""
    documents = [message.message.value for message in messages if message.message.value is not None]
    arrived = ArrivedEvents.of(documents) if len(documents) == len(messages) else None
    if arrived is not None and all(event.originator_id == basket_id for event in arrived.structs):
        return _BasketBatch(arrived, messages)
    events: list[DomainEvent] = []
    for message in messages:
        event = _decode_model(message, basket_id)
        if isinstance(event, DeadLetter):
            return _BasketBatch(events, messages[: len(events)], event)
        events.append(event)
    return _BasketBatch(events, messages)


def _basket_id(message: Received) -> str | None:
    key = message.message.key
    if key is not None and _BASKET_ID.fullmatch(id := key.decode(errors="replace")):
        return id
    subject = message.message.header("ce_subject")
    return subject if subject is not None and _BASKET_ID.fullmatch(subject) else None


def _decode_model(message: Received, basket_id: str) -> DomainEvent | DeadLetter:
    value = message.message.value
    if value is None:
        return message.dead_letter("no_value", "the message has no value", basket_id)
    try:
        (event,) = decode_all(b"[" + value + b"]")
    except Exception as error:  # noqa: BLE001  (whatever is wrong with it must not hold up other baskets)
        return message.dead_letter("unreadable", f"{type(error).__name__}: {error}", basket_id)
    if event.originator_id != basket_id:
        words = f"the event is about {event.originator_id}"
        return message.dead_letter("other_basket", words, basket_id)
    return event
