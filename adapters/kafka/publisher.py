"""Publishes events to Kafka: by transactions, or at least once for brokers that have none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain

import structlog
from aiokafka import AIOKafkaProducer

from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.idle_poll import Wakeup
from adapters.kafka.messages import Message, messages_of, tombstone_message
from adapters.kafka.producer import send_all
from adapters.kafka.publisher_checkpoints import checkpoint_message, read_checkpoint
from adapters.kafka.replay import replay_message
from adapters.kafka.startup import start_producer
from adapters.settings import Settings
from domain.operators.publisher_checkpoint import event_name
from domain.operators.republish.republish import ReplayedEvent
from domain.ports.messaging import MorePublications, Publication, PublisherCheckpoint, PublisherCheckpoints

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
            yield _TransactionalSession(client, self._settings, published)
        finally:
            await close_client(client)


class _Session:
    def __init__(self, client: AIOKafkaProducer, settings: Settings, published: PublisherCheckpoint) -> None:
        self.published = published
        self._client = client
        self._settings = settings
        self._id = settings.publisher_id


class _TransactionalSession(_Session):
    async def publish(self, publications: Sequence[Publication]) -> None:
        published = _checkpoint(publications)
        await self._commit(chain(publication_messages(publications), [checkpoint_message(self._id, published)]))
        self.published = published

    async def publish_until_settled(
        self, publications: Sequence[Publication], reached: PublisherCheckpoint, more: MorePublications
    ) -> None:
        await self._commit(publication_messages(publications), more, [checkpoint_message(self._id, reached)])
        self.published = reached

    async def retired(self) -> int:
        reading = read_checkpoint(self._settings, retired_by(self._id))
        return (await with_timeout(self._id, START_TIMEOUT_SECONDS, reading)).position

    async def retire(self, publications: Sequence[Publication], up_to: int) -> None:
        await self._commit(chain(map(tombstone_message, publications), [self._retired_message(up_to)]))

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        retired = min(await self.retired(), published.position)
        await self._commit([checkpoint_message(self._id, published), self._retired_message(retired)])
        self.published = published

    def _retired_message(self, up_to: int) -> Message:
        return checkpoint_message(retired_by(self._id), PublisherCheckpoint(up_to))

    async def _commit(
        self, messages: Iterable[Message], more: MorePublications | None = None, then: Sequence[Message] = ()
    ) -> None:
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, self._in_one_transaction(messages, more, then))

    async def _in_one_transaction(
        self, messages: Iterable[Message], more: MorePublications | None, then: Sequence[Message]
    ) -> None:
        # An error ends the session, and the next session aborts the transaction.
        await self._client.begin_transaction()
        await send_all(self._client, messages)
        while more is not None and (publications := await more()):
            await send_all(self._client, publication_messages(publications))
        await send_all(self._client, then)
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
            yield _AtLeastOnceSession(client, self._settings, published, self._checkpoints, self._published)
        finally:
            await close_client(client)


class _AtLeastOnceSession(_Session):
    def __init__(
        self,
        client: AIOKafkaProducer,
        settings: Settings,
        published: PublisherCheckpoint,
        checkpoints: PublisherCheckpoints,
        wakeup: Wakeup,
    ) -> None:
        super().__init__(client, settings, published)
        self._checkpoints = checkpoints
        self._wakeup = wakeup

    async def publish(self, publications: Sequence[Publication]) -> None:
        await self._send(publication_messages(publications))
        await self._record(_checkpoint(publications))

    async def publish_until_settled(
        self, publications: Sequence[Publication], reached: PublisherCheckpoint, more: MorePublications
    ) -> None:
        while publications:
            await self._send(publication_messages(publications))
            publications = await more()
        await self._record(reached)

    async def retired(self) -> int:
        return (await self._checkpoints.read(retired_by(self._id))).position

    async def retire(self, publications: Sequence[Publication], up_to: int) -> None:
        await self._send(map(tombstone_message, publications))
        await self._checkpoints.write(retired_by(self._id), PublisherCheckpoint(up_to))

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        retired = min(await self.retired(), published.position)
        await self._checkpoints.put_back(retired_by(self._id), PublisherCheckpoint(retired))
        await self._checkpoints.put_back(self._id, published)
        self.published = published

    async def _send(self, messages: Iterable[Message]) -> None:
        await with_timeout(self._id, PUBLISH_TIMEOUT_SECONDS, send_all(self._client, messages))
        self._wakeup.notify()

    async def _record(self, published: PublisherCheckpoint) -> None:
        await self._checkpoints.write(self._id, published)
        self.published = published


def retired_by(publisher_id: str) -> str:
    """The name of the checkpoint that says which baskets have their tombstones."""
    return f"{publisher_id}/retired"


def _checkpoint(publications: Sequence[Publication]) -> PublisherCheckpoint:
    last = publications[-1].event
    return PublisherCheckpoint(last.position, event_name(last))


def publication_messages(publications: Iterable[Publication]) -> Iterator[Message]:
    """Everything that is sent for these events, in this order."""
    for publication in publications:
        if isinstance(publication, ReplayedEvent):
            yield replay_message(publication)
        else:
            yield from messages_of(publication)
