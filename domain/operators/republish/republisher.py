"""Sends history again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from functools import partial

from pydantic import JsonValue
from pydantic_core import from_json

from domain.basket.request_spans import RequestSpanReader
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
from domain.operators.republish.state_sender import ReadPublished, StateSender
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.messaging import Publisher, PublisherSession
from domain.shared.values import Clock, NewId
from domain.validation.stream_fold import BASKET_VALIDATED
from domain.validation.verdict_assembler import VerdictAssembler

BATCH_EVENTS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
BATCH_DOCUMENTS = 100
"""Whole verdicts and states are large."""

ProgressCallback = Callable[[RepublishProgress], None]


class Republisher:
    """Sends a run's events in the order of their positions, and so in order per basket.

    With transactions each is sent exactly once, also where the run is interrupted and resumed, and of two processes
    that resume one run only one sends. Without transactions each is sent at least once.
    """

    def __init__(
        self,
        feed: EventFeed,
        store: EventStore,
        runs: Republications,
        topics: ReplayTopics,
        publisher: Callable[[str], Publisher],
        read_published: ReadPublished,
        clock: Clock,
        new_id: NewId,
        *,
        state_retention: timedelta,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        """`publisher` makes a publisher whose checkpoint has the given name. `read_published` tells how far the live
        topics' publisher is."""
        self._feed = feed
        self._store = store
        self._runs = runs
        self._topics = topics
        self._publisher = publisher
        self._read_published = read_published
        self._state_retention = state_retention
        self._clock = clock
        self._new_id = new_id
        self._batch_events = batch_events

    async def begin(self, request: RepublishRequest, operator: Operator) -> Republication:
        """Starts a run that has sent nothing yet. Raises RepublishRefused, BasketArchived and Unavailable."""
        check_request(request, self._topics)
        if request.basket_id is not None:
            await self._store.read_events(request.basket_id)
        last = await self._feed.last_position()
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
        await self._topics.ensure(run.topic, run.content)
        scope: dict[str, JsonValue] = {
            "run": run.id,
            "topic": run.topic,
            "content": run.content,
            "fromPosition": run.from_position,
            "toPosition": run.to_position,
            "partner": run.partner,
            "basketId": run.basket_id,
            "live": request.live,
        }
        await self._runs.begin(run, self._action(run.id, scope, operator))
        return run

    async def resume(self, id: str, operator: Operator) -> Republication:
        """An interrupted run. Raises RunNotFound and Unavailable."""
        action = self._action(self._new_id(), {"run": id, "resumed": True}, operator)
        run = await self._runs.resume(id, action)
        if run is None:
            raise RunNotFound(id)
        return run

    async def send(
        self,
        run: Republication,
        stop: asyncio.Event,
        report: ProgressCallback = lambda _: None,
        rate: float | None = None,
    ) -> RepublishProgress:
        """Sends what is left of a run, until its end or until `stop` is set; at most `rate` events a second. Raises
        Unavailable; then the run can be resumed."""
        async with self._publisher(f"republish-{run.id}").session() as session:
            position = max(session.published.position, run.from_position - 1)
            progress = RepublishProgress(
                run=run.id,
                topic=run.topic,
                position=position,
                from_position=run.from_position,
                to_position=run.to_position,
            )
            report(progress)

            async def until_stopped(seconds: float) -> None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)

            send_batch = self._states(run).send if run.content == "states" else partial(self._send_batch, run)
            limiter = RateLimiter(rate, sleep=until_stopped)
            batches = self._batches(run, position, limiter.portion(self._batch_events))
            async for reached, batch in batches:
                if stop.is_set():
                    return progress
                sent, lost = await send_batch(session, batch)
                progress = progress.model_copy(
                    update={"position": reached, "sent": progress.sent + sent, "lost": progress.lost + lost}
                )
                report(progress)
                await limiter.wait(sent)
        await self._runs.end(run.model_copy(update={"ended_at": self._clock()}))
        progress = progress.model_copy(update={"position": max(position, run.to_position), "complete": True})
        report(progress)
        return progress

    async def _batches(
        self, run: Republication, after: int, limit: int
    ) -> AsyncIterator[tuple[int, Sequence[StoredEvent]]]:
        """The run's events after a position, at most `limit` at a time, each batch with the position up to which the
        store was read."""
        async for events in self._stored(run, after, limit):
            batch: list[StoredEvent] = []
            size = 0
            for event in events:
                if not _belongs_to(run, event):
                    continue
                batch.append(event)
                size += len(event.data)
                if size >= BATCH_BYTES or (run.content != "events" and len(batch) >= BATCH_DOCUMENTS):
                    yield event.position, batch
                    batch, size = [], 0
            yield events[-1].position, batch

    async def _stored(self, run: Republication, after: int, limit: int) -> AsyncIterator[Sequence[StoredEvent]]:
        """The store's events after a position, up to the run's last."""
        if run.basket_id is not None:
            stored = await self._store.read_events(run.basket_id)
            stream = [event for event in stored if after < event.position <= run.to_position]
            for start in range(0, len(stream), limit):
                yield stream[start : start + limit]
            return
        while after < run.to_position:
            page = await self._feed.read(after, limit)
            events = [event for event in page if event.position <= run.to_position]
            if not events:
                return
            yield events
            after = events[-1].position

    async def _send_batch(
        self, run: Republication, session: PublisherSession, events: Sequence[StoredEvent]
    ) -> tuple[int, int]:
        """Returns how many messages were sent, and how many verdicts are lost."""
        requests = await RequestSpanReader(self._store).of(events)
        lost = 0
        if run.content == "events":
            found = [ReplayedEvent(event, request, run=run) for event, request in zip(events, requests, strict=True)]
        else:
            verdicts = await VerdictAssembler(self._store).of(events)
            found = [
                ReplayedEvent(event, request, verdict, run=run)
                for event, request in zip(events, requests, strict=True)
                if isinstance(verdict := verdicts.get(event.position), bytes)
            ]
            lost = len(verdicts) - len(found)
        if found:
            await session.publish(found)
        return len(found), lost

    def _states(self, run: Republication) -> StateSender:
        is_live = run.topic == self._topics.live(run.content)
        published = self._read_published if is_live else None
        return StateSender(run, self._store, self._clock, self._state_retention, published)

    def _action(self, id: str, scope: dict[str, JsonValue], operator: Operator) -> OperatorAction:
        return OperatorAction(
            id=id,
            type="operations.history-republished.v1",
            operator=operator,
            scope=scope,
            occurred_at=self._clock(),
        )


def _belongs_to(run: Republication, event: StoredEvent) -> bool:
    if run.content == "verdicts" and event.type != BASKET_VALIDATED:
        return False
    if run.content == "states" and event.version != 1:
        return False  # each basket once
    if run.partner is None:
        return True
    try:
        metadata = from_json(event.metadata)
    except ValueError:
        return False
    return isinstance(metadata, dict) and metadata.get("partner") == run.partner
