"""Publishes events to Kafka: by transactions, or at least once for brokers that have none."""

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
from adapters.settings import Settings
from domain.operators.publisher_checkpoint import event_name
from domain.operators.republish.republish import ReplayedEvent
from domain.ports.messaging import Publication, PublisherCheckpoint, PublisherCheckpoints

START_TIMEOUT_SECONDS = 45.0
"""Longer than a transaction may stay open: a publisher that takes over waits for the last one to end."""

PUBLISH_TIMEOUT_SECONDS = 30.0

_log = structlog.get_logger("adapters.kafka.publisher")


class TransactionalPublisher:
    """Exactly once: the events and the checkpoint after them are one Kafka transaction. A publisher that starts ends its
    predecessor's transaction and fences it off."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._id = settings.publisher_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_TransactionalSession]:
        # Once this returns, nothing of an earlier publisher is open or can still come.
        client = await start_producer(self._settings, self._id, START_TIMEOUT_SECONDS, transactional_id=self._id)
        try:
            reading = read_checkpoint(self._settings, self._id)
            published = await with_timeout(self._id, START_TIMEOUT_SECONDS, reading)
            yield _TransactionalSession(client, self._id, published)
        finally:
            await close_client(client)


class _Session:
    def __init__(self, client: AIOKafkaProducer, publisher_id: str, published: PublisherCheckpoint) -> None:
        self.published = published
        self._client = client
        self._id = publisher_id


class _TransactionalSession(_Session):
    async def publish(self, publications: Sequence[Publication]) -> None:
        await self._commit(publication_messages(publications), _checkpoint(publications))

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        await self._commit((), published)

    async def _commit(self, messages: Iterable[Message], published: PublisherCheckpoint) -> None:
        records = [*messages, checkpoint_message(self._id, published)]
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, self._in_one_transaction(records))
        self.published = published

    async def _in_one_transaction(self, messages: Sequence[Message]) -> None:
        # An error ends the session, and the next session aborts the transaction.
        await self._client.begin_transaction()
        await send_all(self._client, messages)
        await self._client.commit_transaction()


class AtLeastOncePublisher:
    """At least once: records the checkpoint after the broker has the events. A crash between the two publishes some of
    them again."""

    def __init__(self, settings: Settings, checkpoints: PublisherCheckpoints, published: Wakeup) -> None:
        """`published` is notified once the broker has what was published."""
        self._settings = settings
        self._checkpoints = checkpoints
        self._published = published
        self._id = settings.publisher_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_AtLeastOnceSession]:
        _log.warning(
            "publishing at least once: the broker has no transactions, so a crash may publish events again",
            publisher=self._id,
        )
        client = await start_producer(self._settings, self._id, START_TIMEOUT_SECONDS)
        try:
            published = await self._checkpoints.read(self._id)
            yield _AtLeastOnceSession(client, self._id, published, self._checkpoints, self._published)
        finally:
            await close_client(client)


class _AtLeastOnceSession(_Session):
    def __init__(
        self,
        client: AIOKafkaProducer,
        publisher_id: str,
        published: PublisherCheckpoint,
        checkpoints: PublisherCheckpoints,
        wakeup: Wakeup,
    ) -> None:
        super().__init__(client, publisher_id, published)
        self._checkpoints = checkpoints
        self._wakeup = wakeup

    async def publish(self, publications: Sequence[Publication]) -> None:
        sending = send_all(self._client, publication_messages(publications))
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, sending)
        self._wakeup.notify()
        published = _checkpoint(publications)
        await self._checkpoints.write(self._id, published)
        self.published = published

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        await self._checkpoints.put_back(self._id, published)
        self.published = published


def _checkpoint(publications: Sequence[Publication]) -> PublisherCheckpoint:
    last = publications[-1].event
    return PublisherCheckpoint(last.position, event_name(last))


def publication_messages(publications: Iterable[Publication]) -> Iterator[Message]:
    """Everything that is sent for these events, in this order."""
    for publication in publications:
        if isinstance(publication, ReplayedEvent):
            yield replay_message(publication)
            continue
        yield basket_event_message(publication)
        if publication.verdict is not None:
            yield verdict_message(publication)
