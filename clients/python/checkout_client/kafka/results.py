"""Sends a message and waits for its result: what order reports and commands share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from aiokafka import AIOKafkaProducer
from pydantic import ValidationError

from checkout_client.errors import CheckoutClientError
from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.messages import Headers, InvalidMessage, Record
from checkout_client.kafka.topic_reader import TopicReader
from checkout_client.models.base import WireModel

R = TypeVar("R", bound=WireModel)

RESULT_SECONDS = 30.0


class NoResult(CheckoutClientError, TimeoutError):
    """A message was sent, and its result did not come in time. Send the same again, with the same id: it takes effect
    once, and its result comes again."""

    def __init__(self, id: str, seconds: float) -> None:
        super().__init__(f"no result came for {id} within {seconds:g} seconds; send it again with the same id")
        self.id = id


class ResultWaiter(Generic[R]):
    """A producer, and a reader of the topic of results. It reads what comes after its start."""

    def __init__(self, connection: KafkaConnection, results_topic: str, result: type[R]) -> None:
        self._connection = connection
        # The broker of `checkout up` does not know its ends.
        self._results = TopicReader(connection, results_topic, start="end" if connection.transactions else "first")
        self._producer: AIOKafkaProducer | None = None
        self._result = result
        self._waiting: dict[str, list[asyncio.Future[R]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._results.start()
        self._producer = self._connection.producer()
        await self._producer.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task
        if self._producer is not None:
            await self._producer.stop()
        await self._results.stop()

    async def send(self, topic: str, key: str, value: bytes | None, headers: Headers) -> None:
        """Returns once all replicas have the message. Raises KafkaError."""
        if self._producer is None:
            raise CheckoutClientError("open it first: async with")
        await self._producer.send_and_wait(topic, value, key.encode(), headers=[*headers])

    async def send_and_wait(
        self, topic: str, id: str, key: str, value: bytes | None, headers: Headers, seconds: float
    ) -> R:
        """The next result that names `id` in ce_correlationid; several calls may wait for one. Raises NoResult, KafkaError
        and what reading raised."""
        if self._task is not None and self._task.done():
            self._task.result()
        found: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(id, [])
        waiting.append(found)
        try:
            await self.send(topic, key, value, headers)
            return await asyncio.wait_for(found, seconds)
        except TimeoutError as error:
            raise NoResult(id, seconds) from error
        finally:
            waiting.remove(found)
            if not waiting:
                self._waiting.pop(id, None)

    async def _follow(self) -> None:
        try:
            while True:
                for record in await self._results.poll():
                    self._take(record)
        except Exception as error:
            for waiting in self._waiting.values():
                _settle(waiting, error)
            raise

    def _take(self, record: Record) -> None:
        id = _correlation(record)
        waiting = self._waiting.get(id) if id is not None else None
        if not waiting:
            return
        try:
            _settle(waiting, self._result.model_validate_json(record.value or b""))
        except ValidationError as error:
            _settle(waiting, InvalidMessage(f"this is no result: {error} ({record.place})"))


def _settle(waiting: Iterable[asyncio.Future[R]], outcome: R | Exception) -> None:
    for found in waiting:
        if found.done():
            continue
        if isinstance(outcome, Exception):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)


def _correlation(record: Record) -> str | None:
    try:
        return record.header("ce_correlationid")
    except InvalidMessage:
        return None


def cloud_event(type: str, **attributes: str | None) -> Headers:
    """The headers of a CloudEvent in binary mode with JSON content. Attributes that are None are left out."""
    headers = {"ce_specversion": "1.0", "ce_type": type}
    headers |= {f"ce_{name}": value for name, value in attributes.items() if value is not None}
    return tuple((name, value.encode()) for name, value in {**headers, "content-type": "application/json"}.items())
