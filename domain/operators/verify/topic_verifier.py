"""Verifies Kafka topics: compares them with the events that were published according to the publisher's record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from domain.operators.publisher_checkpoint import ahead_of_store
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.published_topic import ExpectedMessage, PublishedTopic, TopicMessage
from domain.operators.verify.state_verifier import PublishedStates, StateVerifier
from domain.operators.verify.topic_checks import ComparableRange, TopicTally, check_messages
from domain.ports.archive import ArchivedBasket
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import BasketArchived
from domain.validation.stream_fold import UnfoldableBasket
from domain.validation.verdict_assembler import VerdictAssembler

PAGE_EVENTS = 2_000
PUBLISH_DELAY_SECONDS = 2.0
"""How long a publisher may take for a new event when there are few."""
MAX_EXPLAINED = 500
"""Baskets of a topic that are compared message by message. More of them are only counted."""

ProgressCallback = Callable[[str, int], None]
"""Called with what is read, and how many of it since the last call."""

FindArchived = Callable[[Collection[str]], Awaitable[Mapping[str, ArchivedBasket]]]
"""Finds those of some baskets that ever were in the archive. Raises StoreUnavailable."""

WHOLE = ComparableRange({0: 0}, lambda _: (0,))


@dataclass(slots=True)
class TopicResult:
    """`comparable_from` is the position from which the whole topic was compared; 0: the first event; None: some
    partitions could not be compared. `unexplained` counts inconsistent baskets that were not compared one by one."""

    topic: str
    messages: int = 0
    comparable_from: int | None = 0
    inconsistencies: list[Inconsistency] = field(default_factory=list)
    unexplained: int = 0


@dataclass(slots=True)
class TopicsResult:
    """`published` is the publisher's record at the beginning; `inconsistencies` are about that record."""

    publisher: str
    published: PublisherCheckpoint
    topics: list[TopicResult] = field(default_factory=list)
    inconsistencies: list[Inconsistency] = field(default_factory=list)


class TopicVerifier:
    """Compares topics with the store. Reads only. Methods raise BrokerUnavailable and StoreUnavailable."""

    def __init__(
        self,
        store: EventStore,
        feed: EventFeed,
        topics: Sequence[PublishedTopic],
        publisher_id: str,
        read_checkpoint: Callable[[], Awaitable[PublisherCheckpoint]],
        begins_after: Callable[[], Awaitable[int]],
        states: StateVerifier | None = None,
        find_archived: FindArchived | None = None,
    ) -> None:
        """`begins_after` reads up to which position a restarted broker holds nothing, though its offsets begin at 0.
        Messages of baskets in the archive are not compared."""
        self._store = store
        self._feed = feed
        self._topics = topics
        self._publisher_id = publisher_id
        self._read_checkpoint = read_checkpoint
        self._begins_after = begins_after
        self._states = states
        self._find_archived = find_archived
        self._verdicts = VerdictAssembler(store)
        self._ends: dict[str, Mapping[int, int]] = {}

    async def require_broker(self) -> None:
        """Does nothing where Kafka answers. Raises BrokerUnavailable."""
        for topic in self._topics:
            await topic.beginnings()

    async def verify_all(
        self, progress: ProgressCallback = lambda _, __: None, only: Container[str] | None = None
    ) -> TopicsResult:
        """Compares whole topics, or the messages of the baskets in `only`."""
        result = await self._begin()
        tallies: list[tuple[PublishedTopic, ComparableRange, TopicTally]] = []
        for topic in self._topics:
            comparable = await self._comparable(topic)
            tally = TopicTally(topic.name, comparable, result.published.position, repeats_allowed=topic.repeats_allowed)
            async for messages in topic.read():
                tally.add_found(each for each in messages if only is None or each.basket_id in only)
                progress(topic.name, len(messages))
            tallies.append((topic, comparable, tally))
        states = await self._read_states(result, None)
        begun: set[str] = set()
        # Read only now, so that the store is never behind the messages.
        last, position = await self._feed.last_position(), 0
        while position < last and (events := await self._feed.read(position, PAGE_EVENTS)):
            position = events[-1].position
            begun.update(event.stream_id for event in events if event.version == 1)
            for topic, _, tally in tallies:
                tally.add_expected(
                    each
                    for event in events
                    if (only is None or event.stream_id in only) and (each := topic.expected(event)) is not None
                )
            progress("events", len(events))
        for topic, comparable, tally in tallies:
            suspects = sorted(await self._in_store(tally.suspects()))
            verified = TopicResult(topic.name, 0, comparable.whole_from)
            explained = suspects[:MAX_EXPLAINED]
            await self._explain(topic, explained, comparable, result.published, verified, everywhere=True)
            verified.messages, verified.unexplained = tally.messages, len(suspects[MAX_EXPLAINED:])
            # The tally has reported the unreadable messages of all baskets.
            others = [each for each in verified.inconsistencies if each.kind != "message_not_understood"]
            verified.inconsistencies = [*tally.unreadable, *others]
            result.topics.append(verified)
        if states is not None:
            begun |= states.records.keys()
            await self._add_states(result, states, [each for each in begun if only is None or each in only])
        return result

    async def verify_some(self, basket_ids: Collection[str]) -> TopicsResult:
        """Compares the messages of some baskets."""
        result = await self._begin()
        for topic in self._topics:
            comparable = await self._comparable(topic)
            verified = TopicResult(topic.name, 0, comparable.whole_from)
            await self._explain(topic, basket_ids, comparable, result.published, verified)
            result.topics.append(verified)
        await self._add_states(result, await self._read_states(result, basket_ids), basket_ids)
        return result

    async def _read_states(self, result: TopicsResult, basket_ids: Collection[str] | None) -> PublishedStates | None:
        if self._states is None:
            return None
        return await self._states.read(result.published.position, await self._begins_after(), basket_ids)

    async def _add_states(
        self, result: TopicsResult, states: PublishedStates | None, basket_ids: Collection[str]
    ) -> None:
        if self._states is not None and states is not None:
            found = await self._states.compare(states, await self._in_store(basket_ids))
            result.topics.append(TopicResult(self._states.topic, len(states.records), inconsistencies=found))

    async def verify_recent(self, limit: int, wait: float) -> TopicsResult:
        """Compares the messages of at most `limit` new events that are published within `wait` seconds.

        It asks for the topics' ends before the store's end: what happens after that is published behind them.
        """
        for topic in self._topics:
            self._ends[topic.name] = await topic.ends(self._ends.get(topic.name))
        begin = await self._feed.last_position()
        await self._feed.wait(begin, wait)
        await asyncio.sleep(min(wait, PUBLISH_DELAY_SECONDS))
        result = await self._begin()
        published = result.published.position
        events = [each for each in await self._feed.read(begin, limit) if each.position <= published]
        for topic in self._topics:
            verified = await self._compare_recent(topic, events, published)
            if _some_are_missing(verified.inconsistencies):
                # The publisher learns of added partitions a little later than this process.
                verified = await self._compare_recent(topic, events, published, everywhere=True)
            verified.inconsistencies = await self._without_unavailable_verdicts(topic, verified.inconsistencies, events)
            result.topics.append(verified)
        return result

    async def _compare_recent(
        self, topic: PublishedTopic, events: Sequence[StoredEvent], published: int, *, everywhere: bool = False
    ) -> TopicResult:
        """Compares the messages of these events, which lie behind the topic's known ends."""
        result = TopicResult(topic.name)
        expected = self._expected(topic, events)
        found: dict[str, list[TopicMessage]] = {basket_id: [] for basket_id in expected}
        basket_ids = {event.stream_id for event in events}
        async for messages in topic.read(basket_ids, self._ends[topic.name], everywhere=everywhere):
            for each in messages:
                wanted = expected.get(each.basket_id or "", ())
                if each.version is None or any(each.version == known.version for known in wanted):
                    found.setdefault(each.basket_id or "", []).append(each)
        result.messages = sum(map(len, found.values()))
        for basket_id, of_basket in found.items():
            result.inconsistencies += check_messages(
                topic.name,
                basket_id,
                of_basket,
                expected.get(basket_id, ()),
                WHOLE,
                published,
                repeats_allowed=topic.repeats_allowed,
            )
        return result

    @staticmethod
    def _expected(topic: PublishedTopic, events: Sequence[StoredEvent]) -> dict[str, list[ExpectedMessage]]:
        expected: dict[str, list[ExpectedMessage]] = {}
        for event in events:
            if (message := topic.expected(event)) is not None:
                expected.setdefault(message.basket_id, []).append(message)
        return expected

    async def _begin(self) -> TopicsResult:
        published = await self._read_checkpoint()
        result = TopicsResult(self._publisher_id, published)
        if (reason := await ahead_of_store(self._feed, published)) is not None:
            result.inconsistencies.append(
                Inconsistency(
                    kind="publisher_beyond_store",
                    subject=self._publisher_id,
                    position=published.position,
                    words=reason,
                )
            )
        return result

    async def _comparable(self, topic: PublishedTopic) -> ComparableRange:
        """The positions of the events of each partition's first message."""
        firsts = await topic.beginnings()
        lost = await self._begins_after()
        positions: dict[int, int | None] = {}
        for partition, (offset, first) in firsts.items():
            positions[partition] = await self._position_of(first) if offset else (lost + 1 if lost else 0)
        return ComparableRange(positions, lambda basket_id: topic.partitions_of(basket_id, len(positions)))

    async def _position_of(self, first: TopicMessage | None) -> int | None:
        if first is None or first.basket_id is None or first.version is None:
            return None
        archived = await self._archived([first.basket_id])
        if first.basket_id in archived:
            return archived[first.basket_id].last_position  # not before its event, at least
        with suppress(BasketArchived):  # since a moment
            for event in await self._store.read_events(first.basket_id, first.version - 1):
                return event.position if event.version == first.version else None
        return None

    async def _archived(self, basket_ids: Collection[str]) -> Mapping[str, ArchivedBasket]:
        if self._find_archived is None or not basket_ids:
            return {}
        found = await self._find_archived(basket_ids)
        return {basket_id: row for basket_id, row in found.items() if row.restored_at is None}

    async def _in_store(self, basket_ids: Collection[str]) -> Collection[str]:
        """Those of these baskets that are not in the archive."""
        return set(basket_ids) - (await self._archived(basket_ids)).keys()

    async def _explain(
        self,
        topic: PublishedTopic,
        basket_ids: Collection[str],
        comparable: ComparableRange,
        published: PublisherCheckpoint,
        result: TopicResult,
        *,
        everywhere: bool = False,
    ) -> None:
        """Compares the messages of some baskets one by one, and adds to the result what is wrong. What is missing where
        it belongs now is looked for `everywhere`."""
        found: dict[str, list[TopicMessage]] = {basket_id: [] for basket_id in await self._in_store(basket_ids)}
        if not found:
            return
        async for messages in topic.read(found.keys(), everywhere=everywhere):
            for message in messages:
                found[message.basket_id or ""].append(message)
        elsewhere: set[str] = set()
        for basket_id, of_basket in found.items():
            try:
                stored = await self._store.read_events(basket_id)
            except BasketArchived:  # since a moment
                continue
            wrong = check_messages(
                topic.name,
                basket_id,
                of_basket,
                self._expected(topic, stored).get(basket_id, ()),
                comparable,
                published.position,
                repeats_allowed=topic.repeats_allowed,
            )
            if not everywhere and _some_are_missing(wrong):
                elsewhere.add(basket_id)
                continue
            result.messages += len(of_basket)
            result.inconsistencies += await self._without_unavailable_verdicts(topic, wrong, stored)
        await self._explain(topic, elsewhere, comparable, published, result, everywhere=True)

    async def _without_unavailable_verdicts(
        self, topic: PublishedTopic, found: list[Inconsistency], stored: Sequence[StoredEvent]
    ) -> list[Inconsistency]:
        """Leaves out the missing messages of verdicts that cannot be assembled: they are dead letters, and
        verifying the basket reports that its stream cannot be folded."""
        if not topic.holds_verdicts or not _some_are_missing(found):
            return found
        verdicts = await self._verdicts.of(stored)
        lost = {position for position, verdict in verdicts.items() if isinstance(verdict, UnfoldableBasket)}
        return [each for each in found if each.kind != "message_missing" or each.position not in lost]


def _some_are_missing(found: Sequence[Inconsistency]) -> bool:
    return any(each.kind == "message_missing" for each in found)
