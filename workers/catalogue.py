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
from domain.shared.values import MessageSource
from workers.dead_letters import send_to_dead_letters
from workers.heartbeat import Heartbeat

GROUP = "checkout-catalogue"
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
        subscription: ConsumerGroup,
        facts: CatalogueFacts,
        dead_letters: Sequence[DeadLetters],
        *,
        ignored: Collection[str] = (),
        batch_messages: int = BATCH_MESSAGES,
    ) -> None:
        """Each letter goes to all of `dead_letters`. `ignored` are the names of unknown members that are allowed."""
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
                    understood, letters = await _parse_batch(batch, self._ignored)
                    # The next batch is read while PostgreSQL records the last one.
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
        """How many messages were handled."""
        learned = await self._facts.record([said for said, _ in understood])
        messages = {id(said.fact): message for said, message in understood if isinstance(said, FactMessage)}
        letters += [
            messages[id(fact)].dead_letter("contradicts", f"another content is recorded as {fact.fact_id}")
            for fact in learned.contradicts
        ]
        for tombstone in learned.idle:
            _log.warning("a tombstone withdrew nothing", source=tombstone.source, key=tombstone.key)
        WITHDRAWN.inc(learned.withdrawn)
        IDLE_TOMBSTONES.inc(len(learned.idle))
        await send_to_dead_letters(self._dead_letters, letters)
        # The offsets come last: a crash before this line repeats the batch, which changes nothing.
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


async def _parse_batch(
    batch: Sequence[Received], ignored: Collection[str]
) -> tuple[list[tuple[CatalogueMessage, Received]], list[DeadLetter]]:
    """The messages that were understood, and the letters about the others."""
    understood: list[tuple[CatalogueMessage, Received]] = []
    letters: list[DeadLetter] = []
    for number, message in enumerate(batch):
        if number % YIELD_EVERY == 0:
            # Meanwhile the task that records the last batch sends its statements: PostgreSQL must not wait.
            await asyncio.sleep(0)
        if message.unreadable is not None:
            letters.append(unreadable_batch_letter(message.unreadable))
            continue
        try:
            understood.append((parse_catalogue_message(message, ignored), message))
        except InvalidFact as error:
            letters.append(message.dead_letter("not_a_fact", str(error)))
    return understood, letters


def _last_offsets(batch: Sequence[Received]) -> dict[str, int]:
    sources: list[MessageSource] = [message.source for message in batch]
    return {f"{source.topic}/{source.partition}": source.offset for source in sources}
