"""The topics of the played service, by a re-publisher that may deviate from the contract in one way at a time."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from msgspec import structs

from adapters.kafka.command_executor import KafkaCommandExecutor
from adapters.kafka.command_messages import command_message
from adapters.kafka.dead_letters import dead_letter_message
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler
from adapters.kafka.order_messages import InvalidOrderMessage, parse_order
from adapters.kafka.publisher import publication_messages
from adapters.kafka.topics import COMMANDS
from adapters.system import utc_now
from cli.conformance.case import Case
from cli.conformance.client import ServiceClient
from cli.conformance.cloud_event_rules import WireMessage
from cli.conformance.context import SuiteRun
from cli.conformance.exchange import Exchange
from cli.conformance.kafka_side import KafkaSide
from cli.conformance.run import SuiteReport, run_cases
from cli.conformance.session import with_own_catalogue
from cli.conformance.topic_reader import SuiteMessage, TopicReader
from domain.basket.request_feed import RequestFeed
from domain.ports.messaging import Publication
from domain.shared.values import MessageSource
from domain.validation.request_assembler import RequestAssembler
from tests.builders.archive import nothing_archived
from tests.cli.conformance.played_service import URL, PlayedService
from tests.fakes.promises import InMemoryPromises

PAUSE_SECONDS = 0.005
WITHIN_SECONDS = 0.4

Republish = Callable[[Message], Iterable[Message]]
"""What comes of a message; nothing where it gets lost."""


def unchanged(message: Message) -> Iterable[Message]:
    return (message,)


class PlayedTopics(KafkaSide):
    """Executes commands and reports at once, and republishes everything."""

    def __init__(self, played: PlayedService, republish: Republish, partition: Callable[[Message], int]) -> None:
        super().__init__(played.service.settings, None, TopicReader(WITHIN_SECONDS))
        self._store = played.checkout.store
        self._republish = republish
        self._partition = partition
        self._offsets = count()
        handlers, clock, ids = played.checkout.handlers.real, utc_now, played.checkout.ids
        self._commands = KafkaCommandExecutor(played.service.settings, handlers, clock, ids)
        self._orders = OrderHandler(handlers, InMemoryPromises(), nothing_archived, ids)

    async def send(
        self, topic: str, key: str, body: object, headers: Mapping[str, str], *, compression: str | None = None
    ) -> Exchange:
        value = None if body is None else json.dumps(body).encode()
        message = Message(topic, key.encode(), value, tuple((name, text.encode()) for name, text in headers.items()))
        received = Received(message, MessageSource(topic, 0, next(self._offsets)), at=utc_now())
        if topic == COMMANDS:
            command = command_message(message, received.name)
            assert command is not None
            await self._publish([await self._commands.result_of(self._commands.read(command))])
        else:
            try:
                order = parse_order(message.key, message.value)
            except InvalidOrderMessage as error:
                await self._publish([dead_letter_message(received.dead_letter("not_an_order", str(error)), utc_now())])
            else:
                await self._publish([(await self._orders.settle(order, received)).result])
        return Exchange((f"sent to {topic}",), ())

    async def publish_baskets(self) -> None:
        """Publishes what happens from now on, as the publisher does, until it is cancelled."""
        position = await self._store.last_position()
        feed, assembler = RequestFeed(self._store, self._store), RequestAssembler(self._store)
        while True:
            requests = await feed.read(position, 1_000)
            async for assembled in assembler.assemble(requests):
                request = assembled.request
                made = [_publication(event, request.span, assembled.verdicts) for event in request.events]
                assert isinstance(assembled.state, bytes)
                made[-1] = structs.replace(made[-1], state=assembled.state)
                await self._publish(publication_messages(made))
                position = request.last.position
            await asyncio.sleep(0 if requests else PAUSE_SECONDS)

    async def _publish(self, messages: Iterable[Message]) -> None:
        await self.reader.take(
            [
                SuiteMessage(
                    each.topic,
                    self._partition(each),
                    next(self._offsets),
                    WireMessage(each.key, each.value, each.headers),
                )
                for message in messages
                for each in self._republish(message)
            ]
        )


def _publication(event: Any, span: Any, verdicts: Mapping[int, object]) -> Publication:
    verdict = verdicts.get(event.version)
    return Publication(event, span, verdict if isinstance(verdict, bytes) else None)


@dataclass(frozen=True, slots=True)
class TopicDeviation:
    """A way to deviate, and the cases that it fails."""

    name: str
    failing: frozenset[str]
    republish: Republish = unchanged
    partition: Callable[[Message], int] = field(default=lambda _: 0)


@asynccontextmanager
async def _topics(played: PlayedService, deviation: TopicDeviation) -> AsyncIterator[PlayedTopics]:
    topics = PlayedTopics(played, deviation.republish, deviation.partition)
    publishing = asyncio.create_task(topics.publish_baskets())
    try:
        yield topics
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


async def run_topic_suite(played: PlayedService, cases: Sequence[Case], deviation: TopicDeviation) -> SuiteReport:
    """Runs the cases against the service and these topics."""
    options = replace(played.options, dead_letters_allowed=True)
    client = ServiceClient(options, played.transport)
    async with aclosing(client), _topics(played, deviation) as topics:
        run = SuiteRun(secrets.token_hex(4), options, client, kafka=topics)
        async with with_own_catalogue(run, played) as complete:
            return SuiteReport(URL, run.id, await run_cases(complete, cases), 0.0)
