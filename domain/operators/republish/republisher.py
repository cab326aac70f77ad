"""Sends history again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from pydantic import JsonValue
from pydantic_core import from_json

from domain.operators.audit import Operator, OperatorAction
from domain.operators.rate_limiter import RateLimiter
from domain.operators.republish.republish import (
    ReplayedEvent,
    ReplayTopics,
    Republication,
    Republications,
    RepublishProgress,
    RepublishRequest,
    RunNotFound,
    check_request,
)
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.messaging import Publisher
from domain.shared.values import Clock, NewId
from domain.validation.verdict_assembler import BASKET_VALIDATED, VerdictAssembler, VerdictUnavailable

BATCH_EVENTS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
BATCH_VERDICTS = 100

Told = Callable[[RepublishProgress], None]


class Republisher:
    """Sends the events of a run in the order of their positions, in order per basket, as often as its
    publisher promises: exactly once by transactions, also where the run is cut off and gone on with; at least
    once without. Of two that go on with one run, transactions let one win."""

    def __init__(
        self,
        feed: EventFeed,
        store: EventStore,
        runs: Republications,
        topics: ReplayTopics,
        publisher: Callable[[str], Publisher],
        clock: Clock,
        new_id: NewId,
        *,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        """`publisher` makes one that keeps its position under the name it is given."""
        self._feed = feed
        self._store = store
        self._runs = runs
        self._topics = topics
        self._publisher = publisher
        self._clock = clock
        self._new_id = new_id
        self._batch_events = batch_events

    async def begin(self, request: RepublishRequest, operator: Operator) -> Republication:
        """A run of what is asked for, of which nothing is sent yet. Raises RepublishRefused, Unavailable."""
        check_request(request, self._topics)
        last = await self._runs.last_position()
        run = Republication(
            id=self._new_id(),
            topic=request.topic,
            content=request.content,
            from_position=max(request.from_position or 1, 1),
            to_position=last if request.to_position is None else min(request.to_position, last),
            partner=request.partner,
            basket_id=request.basket_id,
            started_at=self._clock(),
            ended_at=None,
        )
        await self._topics.ensure(run.topic)
        await self._runs.begin(run, self._action(run.id, {**_scope(run), "live": request.live}, operator))
        return run

    async def go_on(self, id: str, operator: Operator) -> Republication:
        """A run that was cut off. Raises RunNotFound, Unavailable."""
        run = await self._runs.go_on(id, self._action(self._new_id(), {"run": id, "resumed": True}, operator))
        if run is None:
            raise RunNotFound(id)
        return run

    async def send(
        self,
        run: Republication,
        stop: asyncio.Event,
        told: Told = lambda _: None,
        rate: float | None = None,
    ) -> RepublishProgress:
        """Sends what is left of a run until its end, or until `stop` is set; at most `rate` events a second.
        Raises Unavailable: then it can be gone on with."""
        async with self._publisher(f"republish-{run.id}").session() as session:
            position = max(session.position, run.from_position - 1)
            progress = RepublishProgress(
                run=run.id,
                topic=run.topic,
                position=position,
                from_position=run.from_position,
                to_position=run.to_position,
            )
            told(progress)

            async def until_stopped(seconds: float) -> None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)

            limiter = RateLimiter(rate, sleep=until_stopped)
            async for looked_at, portion in self._portions(
                run, position, limiter.portion(self._batch_events)
            ):
                if stop.is_set():
                    return progress
                publications, lost = await self._publications(run, portion)
                if publications:
                    await session.publish(publications)
                progress = progress.model_copy(
                    update={
                        "position": looked_at,
                        "sent": progress.sent + len(publications),
                        "lost": progress.lost + lost,
                    }
                )
                told(progress)
                await limiter.wait(len(publications))
        await self._runs.end(run.model_copy(update={"ended_at": self._clock()}))
        progress = progress.model_copy(update={"position": max(position, run.to_position), "complete": True})
        told(progress)
        return progress

    async def _portions(
        self, run: Republication, after: int, most: int
    ) -> AsyncIterator[tuple[int, Sequence[StoredEvent]]]:
        """What of the run comes after a position, at most `most` at a time, and the position up to which that
        is all."""
        async for events in self._stored(run, after, most):
            portion: list[StoredEvent] = []
            size = 0
            for event in events:
                if not _is_of(run, event):
                    continue
                portion.append(event)
                size += len(event.data)
                if size >= BATCH_BYTES or (run.content == "verdicts" and len(portion) >= BATCH_VERDICTS):
                    yield event.position, portion
                    portion, size = [], 0
            yield events[-1].position, portion

    async def _stored(
        self, run: Republication, after: int, most: int
    ) -> AsyncIterator[Sequence[StoredEvent]]:
        """The store's events after a position up to the run's last."""
        if run.basket_id is not None:
            stream = [
                event
                for event in await self._store.read_events(run.basket_id)
                if after < event.position <= run.to_position
            ]
            for start in range(0, len(stream), most):
                yield stream[start : start + most]
            return
        while after < run.to_position:
            events = [e for e in await self._feed.read(after, most) if e.position <= run.to_position]
            if not events:
                return
            yield events
            after = events[-1].position

    async def _publications(
        self, run: Republication, events: Sequence[StoredEvent]
    ) -> tuple[Sequence[ReplayedEvent], int]:
        """What is to be sent, and how many verdicts are lost."""
        if run.content == "events":
            return [ReplayedEvent(event, run=run) for event in events], 0
        # Nothing is remembered from one portion to the next: a basket in between may have forgotten a person.
        verdicts = await VerdictAssembler(self._store).of(events)
        found = [
            ReplayedEvent(event, verdict, run=run)
            for event in events
            if isinstance(verdict := verdicts.get(event.position), bytes)
        ]
        return found, sum(isinstance(verdict, VerdictUnavailable) for verdict in verdicts.values())

    def _action(self, id: str, scope: dict[str, JsonValue], operator: Operator) -> OperatorAction:
        return OperatorAction(
            id=id,
            type="operations.history-republished.v1",
            operator=operator,
            scope=scope,
            occurred_at=self._clock(),
        )


def _is_of(run: Republication, event: StoredEvent) -> bool:
    if run.content == "verdicts" and event.type != BASKET_VALIDATED:
        return False
    return run.partner is None or _partner(event) == run.partner


def _partner(event: StoredEvent) -> object:
    try:
        metadata = from_json(event.metadata)
    except ValueError:
        return None
    return metadata.get("partner") if isinstance(metadata, dict) else None


def _scope(run: Republication) -> dict[str, JsonValue]:
    return {
        "run": run.id,
        "topic": run.topic,
        "content": run.content,
        "fromPosition": run.from_position,
        "toPosition": run.to_position,
        "partner": run.partner,
        "basketId": run.basket_id,
    }
