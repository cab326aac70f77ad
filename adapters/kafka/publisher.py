"""Publishing events to Kafka: by transactions, and for brokers that have none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaProducer

from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.idle_poll import Wakeup
from adapters.kafka.messages import Message, basket_event_message, verdict_message
from adapters.kafka.producer import send_all
from adapters.kafka.publisher_checkpoints import checkpoint_message, read_checkpoint
from adapters.kafka.replay import replay_message
from adapters.kafka.startup import start_producer
from adapters.kafka.topics import BASKET_EVENTS, VALIDATION_RESULTS, warn_about_small_topics
from adapters.settings import Settings
from domain.operators.publisher_checkpoint import event_name
from domain.operators.republish.republish import ReplayedEvent
from domain.ports.messaging import Publication, PublisherCheckpoint, PublisherCheckpoints

START_TIMEOUT_SECONDS = 45.0
"""Longer than a transaction may stay open: a publisher that takes over waits for the end of the last one."""

PUBLISH_TIMEOUT_SECONDS = 30.0

_TOPICS = (BASKET_EVENTS, VALIDATION_RESULTS)

_log = structlog.get_logger("adapters.kafka.publisher")


class TransactionalPublisher:
    """Exactly once: the events and the record of the last one's position are one Kafka transaction, and
    whoever starts finishes or undoes its predecessor's and fences it off."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._id = settings.publisher_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_TransactionalSession]:
        await warn_about_small_topics(self._settings, *_TOPICS)
        # Only once this has returned nothing of an earlier publisher is open or can still come.
        client = await start_producer(
            self._settings, self._id, START_TIMEOUT_SECONDS, transactional_id=self._id
        )
        try:
            published = await with_timeout(
                self._id, START_TIMEOUT_SECONDS, read_checkpoint(self._settings, self._id)
            )
            yield _TransactionalSession(client, self._id, published)
        finally:
            await close_client(client)


class _Session:
    """How far it has come."""

    published: PublisherCheckpoint

    @property
    def position(self) -> int:
        return self.published.position


class _TransactionalSession(_Session):
    def __init__(self, client: AIOKafkaProducer, publisher_id: str, published: PublisherCheckpoint) -> None:
        self.published = published
        self._client = client
        self._id = publisher_id

    async def publish(self, publications: Sequence[Publication]) -> None:
        last = _up_to(publications)
        messages = [*_messages(publications), checkpoint_message(self._id, last)]
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, self._in_one_transaction(messages))
        self.published = last

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        record = checkpoint_message(self._id, published)
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, self._in_one_transaction([record]))
        self.published = published

    async def _in_one_transaction(self, messages: Sequence[Message]) -> None:
        # On an error nothing is undone here: the session is done for, and the next one undoes it.
        await self._client.begin_transaction()
        await send_all(self._client, messages)
        await self._client.commit_transaction()


class AtLeastOncePublisher:
    """At least once: records the position after the broker has the events, so that a crash between the two
    publishes some of them again."""

    def __init__(self, settings: Settings, positions: PublisherCheckpoints, published: Wakeup) -> None:
        """`published` is notified once the broker has what was published."""
        self._settings = settings
        self._positions = positions
        self._published = published
        self._id = settings.publisher_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_AtLeastOnceSession]:
        _log.warning(
            "publishing at least once: the broker has no transactions, so a crash may publish events again",
            publisher=self._id,
        )
        await warn_about_small_topics(self._settings, *_TOPICS)
        client = await start_producer(self._settings, self._id, START_TIMEOUT_SECONDS)
        try:
            published = await self._positions.read(self._id)
            yield _AtLeastOnceSession(client, self._positions, self._id, published, self._published)
        finally:
            await close_client(client)


class _AtLeastOnceSession(_Session):
    def __init__(
        self,
        client: AIOKafkaProducer,
        positions: PublisherCheckpoints,
        publisher_id: str,
        published: PublisherCheckpoint,
        wakeup: Wakeup,
    ) -> None:
        self.published = published
        self._wakeup = wakeup
        self._client = client
        self._positions = positions
        self._id = publisher_id

    async def publish(self, publications: Sequence[Publication]) -> None:
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, send_all(self._client, _messages(publications)))
        self._wakeup.notify()
        last = _up_to(publications)
        await self._positions.write(self._id, last)
        self.published = last

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        await self._positions.put_back(self._id, published)
        self.published = published


def _up_to(publications: Sequence[Publication]) -> PublisherCheckpoint:
    last = publications[-1].event
    return PublisherCheckpoint(last.position, event_name(last))


def _messages(publications: Iterable[Publication]) -> Iterator[Message]:
    for publication in publications:
        if isinstance(publication, ReplayedEvent):
            yield replay_message(publication)
            continue
        yield basket_event_message(publication.event)
        if publication.verdict is not None:
            yield verdict_message(publication.event, publication.verdict)
