from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from adapters.kafka.errors import with_timeout
from domain.shared.errors import BrokerUnavailable, LeadershipLost


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
