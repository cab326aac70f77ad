"""Keeps whole baskets in memory, as the compacted topic of states has them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast, overload

from pydantic import ValidationError

from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.dead_letters import DeadLetterHook, FailedMessages, stop_reading
from checkout_client.kafka.messages import BASKETS_TOPIC, InvalidMessage, Record, read_context
from checkout_client.kafka.topic_reader import TopicReader
from checkout_client.models.answers import Basket

V = TypeVar("V")

REMEMBERED_TOMBSTONES = 100_000


class StateReader(Mapping[str, V], Generic[V]):
    """The baskets of `checkout.baskets.v1` by their ids, as a mapping that follows the topic.

    It reads all of the topic at each start, and commits nothing. Of two messages about a basket the one with the higher
    version counts. A tombstone takes the basket out.
    """

    @overload
    def __init__(
        self: StateReader[Basket],
        connection: KafkaConnection,
        *,
        topic: str = ...,
        on_failure: DeadLetterHook = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        connection: KafkaConnection,
        *,
        keep: Callable[[Basket], V | None],
        topic: str = ...,
        on_failure: DeadLetterHook = ...,
    ) -> None: ...

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        keep: Callable[[Basket], Any] | None = None,
        topic: str = BASKETS_TOPIC,
        on_failure: DeadLetterHook = stop_reading,
    ) -> None:
        """`keep` says what to keep of a basket; None keeps nothing of it. Without it whole baskets are kept."""
        self._source = TopicReader(connection, topic)
        self._ends_are_right = connection.transactions
        self._keep = keep or (lambda basket: basket)
        self._on_failure = on_failure
        self._values: dict[str, V] = {}
        self._versions: dict[str, int] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()
        self._is_ready = asyncio.Event()
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._source.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task
        await self._source.stop()

    def __getitem__(self, basket_id: str) -> V:
        return self._values[basket_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def version(self, basket_id: str) -> int | None:
        """The version of the basket that is known, also where `keep` keeps nothing of it; None for none."""
        return self._versions.get(basket_id)

    async def ready(self) -> None:
        """Returns once all is read that was in the topic at the start. Raises what reading raised."""
        await self._until(self._is_ready.wait())

    async def reach(self, basket_id: str, version: int) -> None:
        """Returns once the basket is known at this version or a later one, or has ended. For who saw the version in an
        event or an answer. Raises what reading raised."""
        await self._until(self._reach(basket_id, version))

    async def wait_closed(self) -> None:
        """Raises what reading raised, once it does."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _reach(self, basket_id: str, version: int) -> None:
        async with self._changed:
            await self._changed.wait_for(
                lambda: max(self._versions.get(basket_id, 0), self._gone.get(basket_id, 0)) >= version
            )

    async def _until(self, condition: Any) -> None:
        """Waits for the condition, and for the end of reading, which only an error brings."""
        waiting = asyncio.ensure_future(condition)
        try:
            if self._task is None:
                raise RuntimeError("open the reader first: async with StateReader(...) as baskets")
            await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                self._task.result()
        finally:
            waiting.cancel()

    async def _follow(self) -> None:
        ends = dict(await self._source.ends()) if self._ends_are_right else None
        while True:
            records = await self._source.poll()
            for record in records:
                await self._take(record)
            if records:
                async with self._changed:
                    self._changed.notify_all()
            if not self._is_ready.is_set() and self._is_caught_up(ends, records):
                self._is_ready.set()

    def _is_caught_up(self, ends: Mapping[int, int] | None, records: Any) -> bool:
        if ends is None:
            # The broker of `checkout up` does not know its ends: quiet is all that can be seen.
            return not records
        return all(self._source.read_to.get(partition, 0) >= end for partition, end in ends.items())

    async def _take(self, record: Record) -> None:
        try:
            self._apply(record)
        except InvalidMessage as error:
            basket_id = (record.key or b"").decode(errors="replace") or None
            await self._on_failure(FailedMessages(basket_id, (record,), error, 0))

    def _apply(self, record: Record) -> None:
        context = read_context(record)
        version = context.sequence or 0
        basket_id = context.basket_id
        if version < max(self._versions.get(basket_id, 0), self._gone.get(basket_id, 0)):
            return
        if not record.value:
            self._remove(basket_id, version)
            return
        try:
            kept = self._keep(Basket.model_validate_json(record.value))
        except ValidationError as error:
            raise InvalidMessage(f"this is no basket: {error} ({record.place})") from error
        self._gone.pop(basket_id, None)
        self._versions[basket_id] = version
        if kept is None:
            self._values.pop(basket_id, None)
        else:
            self._values[basket_id] = cast("V", kept)

    def _remove(self, basket_id: str, version: int) -> None:
        self._values.pop(basket_id, None)
        self._versions.pop(basket_id, None)
        # Where partitions were added, an older message about the basket may come from another one.
        self._gone[basket_id] = version
        if len(self._gone) > REMEMBERED_TOMBSTONES:
            self._gone.popitem(last=False)
