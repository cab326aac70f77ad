"""A broker with transactions, in memory: records lie in the order in which they were sent, and readers are given those
of transactions that were committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.kafka.messages import Message, tombstone_message
from adapters.kafka.publisher import publication_messages
from domain.operators.publisher_checkpoint import event_name
from domain.ports.messaging import MorePublications, Publication, PublisherCheckpoint
from domain.shared.errors import BrokerUnavailable


@dataclass(frozen=True, slots=True)
class SentRecord:
    message: Message
    transaction: int


class InMemoryBroker:
    """`fails_at` names the steps that fail, counted over all publishers. Each transaction has several."""

    def __init__(self, fails_at: Collection[int] = ()) -> None:
        self.fails_at = set(fails_at)
        self.records: list[SentRecord] = []
        self.committed: list[int] = []
        """The transactions in the order of their commits."""
        self.publications: list[Publication] = []
        """Those of committed transactions; without tombstones that no event brought."""
        self.sizes: list[int] = []
        """How many publications each committed transaction has."""
        self.pauses: Callable[[], int] = lambda: 1
        """How often others run between two steps."""
        self.before_send: Callable[[], Awaitable[object]] | None = None
        """Runs once, just before the next messages are sent."""
        self._checkpoints: dict[str, PublisherCheckpoint] = {}
        self._retired: dict[str, int] = {}
        self._steps = 0
        self._transactions = 0

    def publisher(self, name: str = "publisher") -> InMemoryPublisher:
        return InMemoryPublisher(self, name)

    def read(self, topic: str, transactions: Collection[int] | None = None) -> list[Message]:
        """The messages of a topic in its order, of these transactions or of all that were committed."""
        wanted = set(self.committed if transactions is None else transactions)
        return [each.message for each in self.records if each.transaction in wanted and each.message.topic == topic]

    def checkpoint(self, name: str = "publisher") -> PublisherCheckpoint:
        return self._checkpoints.get(name, PublisherCheckpoint())

    def retired(self, name: str = "publisher") -> int:
        return self._retired.get(name, 0)

    async def step(self) -> None:
        """Where others may run, and where it may fail."""
        self._steps += 1
        for _ in range(self.pauses()):
            await asyncio.sleep(0)
        if self._steps in self.fails_at:
            raise BrokerUnavailable("cut off")

    async def begin(self) -> int:
        await self.step()
        self._transactions += 1
        return self._transactions

    async def send(self, transaction: int, messages: Iterable[Message]) -> None:
        interruption, self.before_send = self.before_send, None
        if interruption is not None:
            await interruption()
        for message in messages:
            self.records.append(SentRecord(message, transaction))
        await self.step()

    async def commit(
        self,
        transaction: int,
        name: str,
        published: PublisherCheckpoint | None,
        publications: Sequence[Publication] = (),
        retired: int | None = None,
    ) -> None:
        self.committed.append(transaction)
        self.publications += publications
        self.sizes.append(len(publications))
        if published is not None:
            self._checkpoints[name] = published
        if retired is not None:
            self._retired[name] = retired
        # Whoever is cut off here does not know that it was committed.
        await self.step()


class InMemoryPublisher:
    """A Publisher, and its sessions."""

    def __init__(self, broker: InMemoryBroker, name: str) -> None:
        self._broker = broker
        self._name = name
        self.published = PublisherCheckpoint()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[InMemoryPublisher]:
        self.published = self._broker.checkpoint(self._name)
        yield self

    async def publish(self, publications: Sequence[Publication]) -> None:
        last = publications[-1].event
        published = PublisherCheckpoint(last.position, event_name(last))
        transaction = await self._broker.begin()
        await self._broker.send(transaction, publication_messages(publications))
        await self._broker.commit(transaction, self._name, published, publications)
        self.published = published

    async def publish_until_settled(
        self, publications: Sequence[Publication], reached: PublisherCheckpoint, more: MorePublications
    ) -> None:
        transaction = await self._broker.begin()
        sent: list[Publication] = []
        while publications:
            sent += publications
            await self._broker.send(transaction, publication_messages(publications))
            publications = await more()
        await self._broker.commit(transaction, self._name, reached, sent)
        self.published = reached

    async def retired(self) -> int:
        return self._broker.retired(self._name)

    async def retire(self, publications: Sequence[Publication], up_to: int) -> None:
        transaction = await self._broker.begin()
        await self._broker.send(transaction, map(tombstone_message, publications))
        await self._broker.commit(transaction, self._name, None, retired=up_to)

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        retired = min(await self.retired(), published.position)
        await self._broker.commit(await self._broker.begin(), self._name, published, retired=retired)
        self.published = published
