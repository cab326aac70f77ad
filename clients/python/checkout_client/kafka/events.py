"""Reads basket events: typed, each once, in order per basket, a request's together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import ValidationError

from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.dead_letters import DeadLetterHook, stop_reading
from checkout_client.kafka.message_reader import DEFAULT_RETRIES, Delivery, MessageReader, Retries
from checkout_client.kafka.messages import EVENTS_TOPIC, EventContext, InvalidMessage, Received
from checkout_client.kafka.sequencer import Gap, GapDetected, Group, Sequenced, Sequencer
from checkout_client.kafka.topic_reader import Start, TopicReader
from checkout_client.kafka.versions import RecentVersions, VersionStore
from checkout_client.models import BasketEvent, UnknownEvent, parse_event

EventMessage: TypeAlias = Received[BasketEvent | UnknownEvent]

GapDecision = Literal["wait", "accept", "fail"]
GapPolicy = Callable[[Gap], Awaitable[GapDecision]]
"""Decides about a gap that did not close in time: wait as long again, go on without the events, or raise GapDetected."""


@dataclass(frozen=True, slots=True)
class Request:
    """All events that one request made, in order. They were written in one transaction: handle them together."""

    basket_id: str
    events: tuple[EventMessage, ...]

    @property
    def first_version(self) -> int:
        return self.events[0].data.version

    @property
    def last_version(self) -> int:
        """The basket's version after the request."""
        return self.events[-1].data.version

    @property
    def partner(self) -> str | None:
        return self.events[0].context.partner

    @property
    def is_complete(self) -> bool:
        """False if its first events were handled before, or did not come and the gap was accepted. True for a topic in
        the old form, which does not tell: there each event is handed over by itself."""
        context = self.events[-1].context
        return context.request_count in {None, len(self.events)}


async def fail_on_gap(gap: Gap) -> GapDecision:
    """The default GapPolicy."""
    return "fail"


class EventReader(MessageReader[Request]):
    """Hands over the requests of `checkout.basket-events.v1`, at least once.

    A repeated event is passed over. An event that comes too early is held until those before it came. Both are told by
    the basket's last version, which the VersionStore has.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        group: str | None = None,
        topic: str = EVENTS_TOPIC,
        start: Start = "first",
        partitions: Collection[int] | None = None,
        versions: VersionStore | None = None,
        from_first: bool | None = None,
        on_gap: GapPolicy = fail_on_gap,
        hold_seconds: float = 30.0,
        max_held: int = 10_000,
        on_failure: DeadLetterHook = stop_reading,
        retries: Retries = DEFAULT_RETRIES,
        handover_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`from_first`: a basket of which no version is known must begin with version 1; None decides: as long as the
        reader began with the topic's first message, and its own store forgot no basket.
        """
        super().__init__(
            TopicReader(connection, topic, group=group, start=start, partitions=partitions),
            topic,
            on_failure=on_failure,
            retries=retries,
            handover_seconds=handover_seconds,
            clock=clock,
        )
        self._versions = versions or RecentVersions()
        self._from_first = from_first
        self._on_gap = on_gap
        self._sequencer = Sequencer(hold_seconds=hold_seconds, max_held=max_held)
        self._known: dict[str, int] = {}
        self._groups: dict[Delivery[Request], Group] = {}

    async def events(self) -> AsyncIterator[EventMessage]:
        """The events one by one. The last of a request is finished when the next request's first is asked for."""
        async for request in self:
            for event in request.events:
                yield event

    async def _look_up(self, contexts: Sequence[EventContext]) -> None:
        self._known = {}
        asked: set[str] = set()
        # While the store is asked, handlers finish, and the sequencer forgets their baskets.
        while missing := self._sequencer.unknown(contexts) - asked:
            self._known.update(await self._versions.get(missing))
            asked |= missing
        if self._must_begin_with_first():
            self._known = dict.fromkeys(asked, 0) | self._known

    def _take(self, contexts: Sequence[EventContext]) -> None:
        numbered = [context for context in contexts if context.sequence is not None]
        for context in contexts:
            if context.sequence is None:
                error = InvalidMessage(f"the header ce_sequence is missing ({context.record.place})")
                self._ready.append(Delivery(context.basket_id, (context.record,), None, error))
        self._hand_over(self._sequencer.receive(numbered, self._known, self._clock()))

    async def _remember(self, delivery: Delivery[Request]) -> None:
        group = self._groups.get(delivery)
        if group is not None and (version := group[-1].sequence) is not None:
            await self._versions.put(group[0].basket_id, version)
            self._groups.pop(delivery, None)
            self._progress.finished(self._sequencer.finished(group))

    def _forget(self, running: Sequence[Delivery[Request]]) -> None:
        self._groups = {each: self._groups[each] for each in running if each in self._groups}
        self._sequencer.revoked(self._groups.values())

    async def _tick(self) -> None:
        for gap in self._sequencer.overdue(self._clock()):
            # Another process of the group may have handled the missing events.
            version = (await self._versions.get([gap.basket_id])).get(gap.basket_id, 0)
            self._hand_over(self._sequencer.learn(gap.basket_id, version))
            if version >= gap.last:
                continue
            match await self._on_gap(gap):
                case "wait":
                    self._sequencer.wait(gap.basket_id, self._clock())
                case "accept":
                    self._hand_over(self._sequencer.accept(gap.basket_id))
                case "fail":
                    raise GapDetected(gap)

    def _hand_over(self, sequenced: Sequenced) -> None:
        self._progress.finished(sequenced.duplicates)
        for group in sequenced.groups:
            delivery = _delivery(group)
            self._groups[delivery] = group
            self._ready.append(delivery)

    def _must_begin_with_first(self) -> bool:
        if self._from_first is not None:
            return self._from_first
        return self._source.began_fresh and isinstance(self._versions, RecentVersions) and self._versions.has_all


def _delivery(group: Group) -> Delivery[Request]:
    basket_id, records = group[0].basket_id, tuple(context.record for context in group)
    try:
        events = tuple(_event(context) for context in group)
    except InvalidMessage as error:
        return Delivery(basket_id, records, None, error)
    return Delivery(basket_id, records, Request(basket_id, events))


def _event(context: EventContext) -> EventMessage:
    try:
        return Received(context, parse_event(context.type, context.record.value or b""))
    except ValidationError as error:
        raise InvalidMessage(f"this is no {context.type}: {error} ({context.record.place})") from error
