"""Hands over the messages of a topic and commits what is finished: what readers of events and of verdicts share."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from tenacity import AsyncRetrying, stop_after_attempt, wait_exponential, wait_random

from checkout_client.kafka.dead_letters import DeadLetterHook, FailedMessages, stop_reading
from checkout_client.kafka.messages import EventContext, InvalidMessage, Record, read_context
from checkout_client.kafka.progress import Positions, Progress
from checkout_client.kafka.topic_reader import TopicReader

T = TypeVar("T")

COMMIT_SECONDS = 1.0
MAX_WAITING = 1000
"""Deliveries that wait for their turn in `run`."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a handler that raises is called, with growing pauses, before the dead-letter hook takes over."""

    attempts: int = 5
    first_pause: float = 0.2
    """Seconds; it doubles from one attempt to the next."""
    longest_pause: float = 10.0


DEFAULT_RETRIES = Retries()


@dataclass(frozen=True, slots=True, eq=False)
class Delivery(Generic[T]):
    """What is handed over at once: its messages, and their content or why they have none."""

    basket_id: str | None
    records: tuple[Record, ...]
    content: T | None
    error: Exception | None = None


class MessageReader(ABC, Generic[T]):
    """Hands over what its messages hold, at least once.

    Iterate over it: what was handed over counts as finished when the next one is asked for. Or `run` a handler, which
    also retries, and handles several baskets at once. Either way a basket's messages are handed over one after the
    other.
    """

    def __init__(
        self,
        source: TopicReader,
        topic: str,
        *,
        on_failure: DeadLetterHook = stop_reading,
        retries: Retries = DEFAULT_RETRIES,
        handover_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """When other members of the group get partitions, `handover_seconds` is how long this one may take to finish
        what it handles."""
        self._source = source
        self._progress = Progress(topic)
        self._on_failure = on_failure
        self._retries = retries
        self._handover_seconds = handover_seconds
        self._clock = clock
        self._ready: deque[Delivery[T]] = deque()
        self._running: set[Delivery[T]] = set()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._current: Delivery[T] | None = None
        self._stopping = False
        self._failure: Exception | None = None
        self._epoch = 0
        self._last_commit = 0.0
        self._committed = Positions(topic)

    async def __aenter__(self) -> Self:
        await self._source.start(self._hand_back)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._commit()
        except Exception:
            # What ended the block says more. What was not committed comes again.
            if error is None:
                raise
        finally:
            await self._source.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        await self._finish_current()
        while (delivery := await self._next()) is not None:
            self._begin(delivery)
            if delivery.content is not None:
                self._current = delivery
                return delivery.content
            await self._give_up(delivery, _unreadable(delivery), 0)
        raise StopAsyncIteration

    def stop(self) -> None:
        """Ends the iteration, or `run`, once what is being handled is finished."""
        self._stopping = True

    async def commit(self) -> None:
        """What was handed over last is finished too. For a loop that is left with `break`."""
        await self._finish_current()
        await self._commit()

    def positions(self, *, including_current: bool = False) -> Positions:
        """Where reading goes on after a restart: to be kept in your own store. `including_current`: what was handed over
        last counts as finished, for the transaction of its effect."""
        current = self._current.records if including_current and self._current is not None else ()
        return self._progress.positions(current)

    async def run(self, handler: Callable[[T], Awaitable[None]], *, concurrency: int = 1) -> None:
        """Calls the handler until `stop`, for `concurrency` baskets at once.

        A handler that raises is called again after a pause, and holds up only its own basket while `concurrency` is
        larger than the number of such baskets. In the end the dead-letter hook takes over. If that raises, the other
        handlers finish, and the error is raised here. Raises what reading raises.
        """
        turns = asyncio.Semaphore(concurrency)
        latest: dict[str | None, asyncio.Task[None]] = {}
        tasks: set[asyncio.Task[None]] = set()
        try:
            while (delivery := await self._next()) is not None:
                before = latest.get(delivery.basket_id)
                task = asyncio.create_task(self._in_turn(delivery, self._epoch, before, turns, handler))
                tasks.add(task)
                latest[delivery.basket_id] = task
                if len(tasks) >= MAX_WAITING:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if len(tasks) >= MAX_WAITING or not self._ready:
                    tasks = {each for each in tasks if not each.done()}
                    latest = {basket_id: each for basket_id, each in latest.items() if not each.done()}
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise
        finally:
            self._stopping = True
            if tasks:
                await asyncio.wait(tasks)
        if self._failure is not None:
            raise self._failure

    @abstractmethod
    async def _look_up(self, contexts: Sequence[EventContext]) -> None:
        """Asks stores for what `_take` needs."""

    @abstractmethod
    def _take(self, contexts: Sequence[EventContext]) -> None:
        """Makes deliveries of messages, without waiting for anything."""

    @abstractmethod
    async def _remember(self, delivery: Delivery[T]) -> None:
        """A delivery was handled."""

    def _forget(self, running: Sequence[Delivery[T]]) -> None:
        """All messages may come again, also those of `running` deliveries."""

    async def _tick(self) -> None:
        """Does what is due by time."""

    async def _next(self) -> Delivery[T] | None:
        """The next delivery; None after `stop`."""
        while not self._stopping:
            if self._ready:
                return self._ready.popleft()
            await self._fill()
        return None

    async def _fill(self) -> None:
        await self._tick()
        if self._ready:
            return
        records = await self._source.poll()
        epoch = self._epoch
        self._progress.received(records, self._source.read_to)
        contexts, unreadable = _contexts(records)
        await self._look_up(contexts)
        if epoch == self._epoch:
            # Else the partitions were given back meanwhile, and the messages come again.
            self._ready.extend(Delivery(None, (record,), None, error) for record, error in unreadable)
            self._take(contexts)
        if self._clock() - self._last_commit >= COMMIT_SECONDS:
            await self._commit()

    async def _in_turn(
        self,
        delivery: Delivery[T],
        epoch: int,
        before: asyncio.Task[None] | None,
        turns: asyncio.Semaphore,
        handler: Callable[[T], Awaitable[None]],
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        async with turns:
            if self._stopping or epoch != self._epoch:
                # It comes again, here or elsewhere.
                return
            self._begin(delivery)
            try:
                await self._handle(delivery, handler)
            except Exception as error:  # noqa: BLE001 - `run` raises it
                self._failure, self._stopping = error, True

    async def _handle(self, delivery: Delivery[T], handler: Callable[[T], Awaitable[None]]) -> None:
        attempts = 0
        try:
            if delivery.content is None:
                raise _unreadable(delivery)
            async for attempt in self._attempts():
                attempts += 1
                with attempt:
                    await handler(delivery.content)
        except asyncio.CancelledError:
            self._end(delivery)
            raise
        except Exception as error:  # noqa: BLE001 - the hook decides
            await self._give_up(delivery, error, attempts)
        else:
            await self._finish(delivery)

    def _attempts(self) -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop_after_attempt(self._retries.attempts),
            wait=wait_exponential(self._retries.first_pause, self._retries.longest_pause)
            + wait_random(0, self._retries.first_pause),
            reraise=True,
        )

    async def _give_up(self, delivery: Delivery[T], error: Exception, attempts: int) -> None:
        try:
            await self._on_failure(FailedMessages(delivery.basket_id, delivery.records, error, attempts))
        except BaseException:
            self._end(delivery)
            raise
        await self._finish(delivery)

    async def _finish_current(self) -> None:
        if self._current is not None:
            current, self._current = self._current, None
            await self._finish(current)

    def _begin(self, delivery: Delivery[T]) -> None:
        self._running.add(delivery)
        self._is_quiet.clear()

    async def _finish(self, delivery: Delivery[T]) -> None:
        try:
            await self._remember(delivery)
            self._progress.finished(delivery.records)
        finally:
            self._end(delivery)

    def _end(self, delivery: Delivery[T]) -> None:
        self._running.discard(delivery)
        if not self._running:
            self._is_quiet.set()

    async def _commit(self) -> None:
        self._last_commit = self._clock()
        positions = self._progress.positions()
        if positions != self._committed:
            await self._source.commit(positions)
            self._committed = positions

    async def _hand_back(self) -> None:
        """Other members may get the partitions: finishes what is running, and commits."""
        self._epoch += 1
        self._ready.clear()
        with suppress(TimeoutError):  # another member may handle it too: at least once
            async with asyncio.timeout(self._handover_seconds):
                await self._is_quiet.wait()
        await self._commit()
        self._progress.revoked()
        self._committed = self._progress.positions()
        self._forget([*self._running])


def _contexts(records: Sequence[Record]) -> tuple[list[EventContext], list[tuple[Record, Exception]]]:
    """The attributes of messages, and the messages whose attributes cannot be read."""
    contexts: list[EventContext] = []
    unreadable: list[tuple[Record, Exception]] = []
    for record in records:
        try:
            contexts.append(read_context(record))
        except InvalidMessage as error:
            unreadable.append((record, error))
    return contexts, unreadable


def _unreadable(delivery: Delivery[T]) -> Exception:
    assert delivery.error is not None  # noqa: S101 - a delivery has content or an error
    return delivery.error
