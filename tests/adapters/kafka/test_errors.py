from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from adapters.kafka.clients import consumer
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.startup import start_client
from adapters.kafka.topics import BASKETS
from adapters.settings import Settings
from domain.shared.errors import BrokerUnavailable, LeadershipLost
from tests.garbage import CallersData, living, no_search_for_circles
from tests.servers.waiting import eventually


async def fails(error: BaseException) -> None:
    raise error


async def test_the_result_of_the_client_is_returned() -> None:
    async def work() -> int:
        return 7

    assert await with_timeout("role", 5, work()) == 7


async def test_a_kafka_error_is_unavailable_and_fencing_is_a_lost_role() -> None:
    with pytest.raises(BrokerUnavailable):
        await with_timeout("role", 5, fails(KafkaConnectionError()))
    with pytest.raises(LeadershipLost):
        await with_timeout("role", 5, fails(ProducerFenced()))
    with pytest.raises(ZeroDivisionError):
        await with_timeout("role", 5, fails(ZeroDivisionError()))


async def test_a_cancellation_inside_the_client_is_unavailable() -> None:
    with pytest.raises(BrokerUnavailable):
        await with_timeout("role", 5, fails(asyncio.CancelledError()))


async def test_a_hanging_client_is_unavailable_even_if_it_outlasts_cancellation() -> None:
    over = asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()

    with pytest.raises(BrokerUnavailable):
        await with_timeout("role", 0.05, stubborn())
    over.set()


async def test_our_own_cancellation_ends_the_work_and_is_raised() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(with_timeout("role", 5, work()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 5)


async def test_an_error_keeps_nothing_of_what_was_sent() -> None:
    async def send(_: CallersData) -> None:
        await asyncio.sleep(0)
        raise KafkaConnectionError

    with no_search_for_circles():
        with contextlib.suppress(BrokerUnavailable):
            await with_timeout("role", 5, send(CallersData()))
        assert living(CallersData) == 0


async def test_a_closed_consumer_keeps_nothing(settings: Settings) -> None:
    with no_search_for_circles():
        before = living(AIOKafkaClient)
        client = consumer(settings, BASKETS, group=None)
        await start_client(client, settings, "role", 45)
        await client.getmany(timeout_ms=10)
        await close_client(client)
        del client
        await eventually(lambda: living(AIOKafkaClient) <= before)
