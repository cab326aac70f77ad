"""What aiokafka raises, or fails to do, in our words."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from domain.errors import BrokerUnavailable, LeadershipLost

T = TypeVar("T")

CLOSE_WITHIN_SECONDS = 5.0


async def answered(role: str, within: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of work with a Kafka client. Raises BrokerUnavailable for whatever Kafka refuses, or does
    not do within so many seconds, and LeadershipLost where another producer took over.

    The work has a task of its own: while brokers are away, aiokafka may outlast a cancellation, and it may
    end in a CancelledError that nobody asked for, which would end our task without a word.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=within)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_forgotten)
    if not done:
        raise BrokerUnavailable(f"no answer within {within:g} seconds")
    try:
        return task.result()
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise LeadershipLost(role, "another producer took over") from error
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(repr(error)) from error
    except asyncio.CancelledError as error:
        raise BrokerUnavailable("the client gave up") from error


async def close(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stops a client, started or not, within a few seconds: on its own it would wait for brokers that
    are away, without end."""
    try:
        await answered("client", CLOSE_WITHIN_SECONDS, client.stop())
    except (BrokerUnavailable, LeadershipLost):
        if isinstance(client, AIOKafkaProducer):
            await _close_connections(client)


async def _close_connections(client: AIOKafkaProducer) -> None:
    try:
        await answered("client", CLOSE_WITHIN_SECONDS, client.client.close())
    except BrokerUnavailable:
        return


def _forgotten(task: asyncio.Task[Any]) -> None:
    # What becomes of it is nobody's concern any more, nor a complaint on the log.
    if not task.cancelled():
        task.exception()
