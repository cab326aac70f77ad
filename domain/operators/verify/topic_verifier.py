"""Verifying what is in Kafka: each topic is compared with the events that the store says were published to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence

from domain.operators.publisher_checkpoint import check_publisher
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.published_topic import PublishedTopic, TopicResult, TopicsResult
from domain.operators.verify.topic_checks import (
    ComparableRange,
    ExpectedMessage,
    TopicMessage,
    TopicTally,
    check_messages,
)
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.messaging import PublisherCheckpoint
from domain.validation.verdict_assembler import VerdictAssembler, VerdictUnavailable

PAGE_EVENTS = 2_000
PUBLISH_DELAY_SECONDS = 2.0
"""What a publisher may take for what just happened, when few things happen."""
MAX_EXPLAINED = 500
"""Baskets whose messages are compared one by one; in a topic that has more of them, the rest is only counted."""


Told = Callable[[str, int], None]
"""Called with what is done, and how many of it since the last call."""


class TopicVerifier:
    """Compares topics with the store. Reads only."""

    def __init__(
        self,
        store: EventStore,
        feed: EventFeed,
        topics: Sequence[PublishedTopic],
        publisher_id: str,
        published: Callable[[], Awaitable[PublisherCheckpoint]],
        last_position: Callable[[], Awaitable[int]],
        begins_after: Callable[[], Awaitable[int]],
    ) -> None:
        """`published` reads the publisher's record; `last_position` says where the store ends; `begins_after` up to
        which position a broker that was started anew holds nothing, though its offsets begin at 0."""
        self._store = store
        self._feed = feed
        self._topics = topics
        self._publisher_id = publisher_id
        self._published = published
        self._last_position = last_position
        self._begins_after = begins_after
        self._verdicts = VerdictAssembler(store)
        self._marks: dict[str, Mapping[int, int]] = {}

    async def reach(self) -> None:
        """Does nothing where Kafka answers. Raises BrokerUnavailable."""
        for topic in self._topics:
            await topic.beginnings()

    async def verify_all(
        self, told: Told = lambda _, __: None, only: Container[str] | None = None
    ) -> TopicsResult:
        """Compares whole topics, or of them what is about some baskets. Raises BrokerUnavailable and
        StoreUnavailable."""
        result = await self._begin()
        tallies: list[tuple[PublishedTopic, ComparableRange, TopicTally]] = []
        for topic in self._topics:
            beginnings = await self._beginnings(topic)
            tally = TopicTally(
                topic.name, beginnings, result.published.position, repeats_allowed=topic.repeats_allowed
            )
            async for messages in topic.read():
                tally.found(each for each in messages if only is None or each.basket_id in only)
                told(topic.name, len(messages))
            tallies.append((topic, beginnings, tally))
        # Read only now: so the store is never behind what was found.
        upto, position = await self._last_position(), 0
        while position < upto and (events := await self._feed.read(position, PAGE_EVENTS)):
            position = events[-1].position
            for topic, _, tally in tallies:
                tally.expected(
                    each
                    for event in events
                    if (only is None or event.stream_id in only)
                    and (each := topic.expected(event)) is not None
                )
            told("events", len(events))
        for topic, beginnings, tally in tallies:
            suspects = sorted(tally.suspects())
            verified = TopicResult(topic.name, tally.messages, beginnings.whole_from)
            verified.drifts += tally.not_understood
            verified.unexplained = len(suspects[MAX_EXPLAINED:])
            explained = await self._explain(topic, suspects[:MAX_EXPLAINED], beginnings, result.published)
            verified.drifts += [drift for drift in explained if drift.kind != "message_not_understood"]
            result.topics.append(verified)
        return result

    async def verify_some(self, basket_ids: Collection[str]) -> TopicsResult:
        """Compares the messages of some baskets. Raises BrokerUnavailable and StoreUnavailable."""
        result = await self._begin()
        for topic in self._topics:
            beginnings = await self._beginnings(topic)
            verified = TopicResult(topic.name, 0, beginnings.whole_from)
            verified.drifts += await self._explain(
                topic, basket_ids, beginnings, result.published, counted=verified
            )
            result.topics.append(verified)
        return result

    async def verify_recent(self, limit: int, wait: float) -> TopicsResult:
        """Compares the messages of the next events that happen, at most `limit`, and are published within `wait`
        seconds. Raises BrokerUnavailable and StoreUnavailable.

        Where the topics end is asked before where the store ends: what happens after that is published behind it.
        """
        for topic in self._topics:
            self._marks[topic.name] = await topic.ends(self._marks.get(topic.name))
        begin = await self._last_position()
        await self._feed.wait(begin, wait)
        await asyncio.sleep(min(wait, PUBLISH_DELAY_SECONDS))
        result = await self._begin()
        events = [
            event
            for event in await self._feed.read(begin, limit)
            if event.position <= result.published.position
        ]
        baskets = {event.stream_id for event in events}
        for topic in self._topics:
            verified = TopicResult(topic.name)
            expected: dict[str, list[ExpectedMessage]] = {}
            for event in events:
                if (message := topic.expected(event)) is not None:
                    expected.setdefault(message.basket_id, []).append(message)
            found: dict[str, list[TopicMessage]] = {basket_id: [] for basket_id in expected}
            async for messages in topic.read(baskets, self._marks[topic.name]):
                for each in messages:
                    wanted = expected.get(each.basket_id or "", ())
                    if each.version is None or any(each.version == known.version for known in wanted):
                        found.setdefault(each.basket_id or "", []).append(each)
            verified.messages = sum(map(len, found.values()))
            everywhere = ComparableRange({0: 0}, lambda _: 0)
            for basket_id, messages in found.items():
                verified.drifts += check_messages(
                    topic.name,
                    basket_id,
                    messages,
                    expected.get(basket_id, ()),
                    everywhere,
                    result.published.position,
                    repeats_allowed=topic.repeats_allowed,
                )
            if topic.holds_verdicts:
                verified.drifts = await self._without_lost_verdicts(verified.drifts, events)
            result.topics.append(verified)
        return result

    async def _begin(self) -> TopicsResult:
        published = await self._published()
        drifts = await check_publisher(self._feed, self._publisher_id, published)
        return TopicsResult(self._publisher_id, published, drifts=drifts)

    async def _beginnings(self, topic: PublishedTopic) -> ComparableRange:
        """The positions that partitions begin with: those of the events of their first messages."""
        firsts = await topic.beginnings()
        gone = await self._begins_after()
        positions: dict[int, int | None] = {}
        for partition, (offset, first) in firsts.items():
            positions[partition] = await self._position_of(first) if offset else (gone + 1 if gone else 0)
        return ComparableRange(positions, lambda basket_id: topic.partition_of(basket_id, len(positions)))

    async def _position_of(self, first: TopicMessage | None) -> int | None:
        if first is None or first.basket_id is None or first.version is None:
            return None
        for event in await self._store.read_events(first.basket_id, first.version - 1):
            return event.position if event.version == first.version else None
        return None

    async def _explain(
        self,
        topic: PublishedTopic,
        basket_ids: Collection[str],
        beginnings: ComparableRange,
        published: PublisherCheckpoint,
        counted: TopicResult | None = None,
    ) -> list[Inconsistency]:
        """What is wrong with the messages of some baskets, one by one."""
        found: dict[str, list[TopicMessage]] = {basket_id: [] for basket_id in basket_ids}
        if not found:
            return []
        async for messages in topic.read(found.keys()):
            for message in messages:
                found[message.basket_id or ""].append(message)
        drifts: list[Inconsistency] = []
        for basket_id, messages in found.items():
            if counted is not None:
                counted.messages += len(messages)
            stored = await self._store.read_events(basket_id)
            expected = [each for event in stored if (each := topic.expected(event)) is not None]
            wrong = check_messages(
                topic.name,
                basket_id,
                messages,
                expected,
                beginnings,
                published.position,
                repeats_allowed=topic.repeats_allowed,
            )
            drifts += await self._without_lost_verdicts(wrong, stored) if topic.holds_verdicts else wrong
        return drifts

    async def _without_lost_verdicts(
        self, drifts: Sequence[Inconsistency], stored: Sequence[StoredEvent]
    ) -> list[Inconsistency]:
        """Without verdicts that cannot be put together: they became dead letters, and that their streams cannot be
        folded is told elsewhere."""
        if not any(drift.kind == "message_missing" for drift in drifts):
            return [*drifts]
        verdicts = await self._verdicts.of(stored)
        lost = {position for position, verdict in verdicts.items() if isinstance(verdict, VerdictUnavailable)}
        return [drift for drift in drifts if drift.kind != "message_missing" or drift.position not in lost]
