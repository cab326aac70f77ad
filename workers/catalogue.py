"""Records what the catalogue's topics say as facts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog
from prometheus_client import Counter

from adapters.kafka.catalogue_messages import parse_catalogue_message
from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.dead_letters import unreadable_batch_letter
from adapters.kafka.messages import Received
from adapters.wire.facts import InvalidFact
from domain.catalogue.epochs import CatalogueMessage, FactMessage
from domain.ports.catalogue import CatalogueFacts
from domain.ports.messaging import DeadLetter, DeadLetters
from workers.dead_letters import send_to_dead_letters
from workers.heartbeat import Heartbeat

BATCH_MESSAGES = 2_000
WAIT_SECONDS = 1.0
YIELD_EVERY = 100

WITHDRAWN = Counter("checkout_catalogue_withdrawn", "Facts that tombstones withdrew.")
IDLE_TOMBSTONES = Counter("checkout_catalogue_idle_tombstones", "Tombstones that withdrew nothing.")

_log = structlog.get_logger("workers.catalogue")


class CatalogueWorker:
    """Effectively once: records the facts, then commits the offsets; a fact that comes again has the same id and changes
    nothing.

    A message without a value is a tombstone. It withdraws what its key names, and the last fact under its key. A
    tombstone that withdraws nothing is logged and counted. A message that is not understood, or contradicts a recorded
    fact, becomes a dead letter; the others go on.
    """

    name = "catalogue"

    def __init__(
        self,
        group: ConsumerGroup,
        facts: CatalogueFacts,
        dead_letters: Sequence[DeadLetters],
        *,
        ignored: Collection[str] = (),
        batch_messages: int = BATCH_MESSAGES,
    ) -> None:
        """Each letter goes to all of `dead_letters`. `ignored` are the names of unknown members that are allowed."""
        self._ignored = ignored
        self._group = group
        self._facts = facts
        self._dead_letters = dead_letters
        self._batch_messages = batch_messages

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._group.open() as consumer:
            heartbeat.measured_by(consumer.measure_lag)
            recording: asyncio.Task[int] | None = None
            try:
                while True:
                    batch = await consumer.next(self._batch_messages, WAIT_SECONDS)
                    messages, letters = await _parse_batch(batch, self._ignored)
                    # The next batch is read while PostgreSQL records the last one.
                    if recording is not None:
                        heartbeat.handled(await recording)
                    if recording is not None or not batch:
                        heartbeat.ready(True)
                    heartbeat.beat()
                    recording = None
                    if batch:
                        record = self._record(consumer, batch, messages, letters)
                        recording = asyncio.create_task(record, name="catalogue-recording")
            finally:
                if recording is not None:
                    recording.cancel()
                    await asyncio.gather(recording, return_exceptions=True)

    async def _record(
        self,
        consumer: GroupConsumer,
        batch: Sequence[Received],
        messages: Sequence[tuple[CatalogueMessage, Received]],
        letters: list[DeadLetter],
    ) -> int:
        """How many messages were handled."""
        result = await self._facts.record([message for message, _ in messages])
        received = {id(each.fact): source for each, source in messages if isinstance(each, FactMessage)}
        letters += [
            received[id(fact)].dead_letter("contradicts", f"another content is recorded as {fact.fact_id}")
            for fact in result.contradicts
        ]
        for tombstone in result.idle:
            _log.warning("a tombstone withdrew nothing", source=tombstone.source, key=tombstone.key)
        WITHDRAWN.inc(result.withdrawn)
        IDLE_TOMBSTONES.inc(len(result.idle))
        await send_to_dead_letters(self._dead_letters, letters)
        # The offsets come last: a crash before this line repeats the batch, which changes nothing.
        await consumer.commit(batch)
        _log.info(
            "recorded",
            messages=len(batch),
            new=result.new,
            known=result.known,
            withdrawn=result.withdrawn,
            withdrew_nothing=len(result.idle),
            refused=len(letters),
            up_to=_last_offsets(batch),
        )
        return len(batch)


async def _parse_batch(
    batch: Sequence[Received], ignored: Collection[str]
) -> tuple[list[tuple[CatalogueMessage, Received]], list[DeadLetter]]:
    """The messages, and dead letters for those that cannot be read."""
    messages: list[tuple[CatalogueMessage, Received]] = []
    letters: list[DeadLetter] = []
    for number, message in enumerate(batch):
        if number % YIELD_EVERY == 0:
            # Meanwhile the task that records the last batch sends its statements: PostgreSQL must not wait.
            await asyncio.sleep(0)
        if message.unreadable is not None:
            letters.append(unreadable_batch_letter(message.unreadable))
            continue
        try:
            messages.append((parse_catalogue_message(message, ignored), message))
        except InvalidFact as error:
            letters.append(message.dead_letter("not_a_fact", str(error)))
    return messages, letters


def _last_offsets(batch: Sequence[Received]) -> dict[str, int]:
    return {f"{each.source.topic}/{each.source.partition}": each.source.offset for each in batch}
