"""Learns what the catalogue says: from its Kafka topics into the catalogue's facts."""

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
from domain.shared.values import MessageSource
from workers.heartbeat import Heartbeat

GROUP = "checkout-catalogue"
BATCH_MESSAGES = 2_000
WAIT_SECONDS = 1.0
YIELD_EVERY = 100

WITHDRAWN = Counter("checkout_catalogue_withdrawn", "Facts that tombstones withdrew.")
IDLE_TOMBSTONES = Counter("checkout_catalogue_idle_tombstones", "Tombstones that withdrew nothing.")

_log = structlog.get_logger("workers.catalogue")


class CatalogueWorker:
    """Effectively once: facts are recorded, then the offsets committed; a fact that comes again is the same
    fact by its id and changes nothing.

    A message without a value is a tombstone. It withdraws what its key names, and what was said last under its key;
    one that withdraws nothing is logged and counted.

    What cannot be understood, and what contradicts a recorded fact, becomes a dead letter; everything else
    goes on.
    """

    name = "catalogue"

    def __init__(
        self,
        subscription: ConsumerGroup,
        facts: CatalogueFacts,
        dead_letters: Sequence[DeadLetters],
        *,
        ignored: Collection[str] = (),
        batch_messages: int = BATCH_MESSAGES,
    ) -> None:
        """Every one of `dead_letters` is given each letter. `ignored` are names of unknown members that are passed
        over."""
        self._ignored = ignored
        self._subscription = subscription
        self._facts = facts
        self._dead_letters = dead_letters
        self._batch_messages = batch_messages

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._subscription.open() as batches:
            heartbeat.measured_by(batches.measure_lag)
            learning: asyncio.Task[int] | None = None
            try:
                while True:
                    batch = await batches.next(self._batch_messages, WAIT_SECONDS)
                    understood, letters = await _sorted_out(batch, self._ignored)
                    # One batch at a time is learned. While PostgreSQL does that, the next one is read.
                    if learning is not None:
                        heartbeat.handled(await learning)
                    if learning is not None or not batch:
                        heartbeat.ready(True)
                    heartbeat.beat()
                    learning = None
                    if batch:
                        learn = self._learn(batches, batch, understood, letters)
                        learning = asyncio.create_task(learn, name="catalogue-learning")
            finally:
                if learning is not None:
                    learning.cancel()
                    await asyncio.gather(learning, return_exceptions=True)

    async def _learn(
        self,
        batches: GroupConsumer,
        batch: Sequence[Received],
        understood: Sequence[tuple[CatalogueMessage, Received]],
        letters: list[DeadLetter],
    ) -> int:
        """How many messages are done with."""
        learned = await self._facts.record([said for said, _ in understood])
        messages = {id(said.fact): message for said, message in understood if isinstance(said, FactMessage)}
        letters += [
            _letter(messages[id(fact)], "contradicts", f"another content is recorded as {fact.fact_id}")
            for fact in learned.contradicts
        ]
        for letter in letters:
            _log.error(
                "a message was not learned", source=letter.source, code=letter.code, error=letter.error
            )
        for tombstone in learned.idle:
            _log.warning("a tombstone withdrew nothing", source=tombstone.source, key=tombstone.key)
        WITHDRAWN.inc(learned.withdrawn)
        IDLE_TOMBSTONES.inc(len(learned.idle))
        for dead_letters in self._dead_letters:
            await dead_letters.record(letters)
        # Last of all: a crash before this line repeats what was done, and repeating it changes nothing.
        await batches.commit(batch)
        _log.info(
            "learned",
            messages=len(batch),
            new=learned.new,
            known=learned.known,
            withdrawn=learned.withdrawn,
            withdrew_nothing=len(learned.idle),
            not_learned=len(letters),
            up_to=_last_offsets(batch),
        )
        return len(batch)


async def _sorted_out(
    batch: Sequence[Received], ignored: Collection[str]
) -> tuple[list[tuple[CatalogueMessage, Received]], list[DeadLetter]]:
    """What was understood, and the letters about what was not."""
    understood: list[tuple[CatalogueMessage, Received]] = []
    letters: list[DeadLetter] = []
    for number, message in enumerate(batch):
        if number % YIELD_EVERY == 0:
            # The batch that is learned meanwhile has its statements to send: PostgreSQL must not wait for us.
            await asyncio.sleep(0)
        if message.unreadable is not None:
            letters.append(unreadable_batch_letter(message.unreadable))
            continue
        try:
            understood.append((parse_catalogue_message(message, ignored), message))
        except InvalidFact as error:
            letters.append(_letter(message, "not_a_fact", str(error)))
    return understood, letters


def _letter(message: Received, code: str, error: str) -> DeadLetter:
    content = message.message
    return DeadLetter(message.source, content.key, content.value, content.headers, code, error)


def _last_offsets(batch: Sequence[Received]) -> dict[str, int]:
    sources: list[MessageSource] = [message.source for message in batch]
    return {f"{source.topic}/{source.partition}": source.offset for source in sources}
