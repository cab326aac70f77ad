"""What aiokafka raises, in our words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from domain.errors import BrokerUnavailable, LeadershipLost

CLOSE_WITHIN_SECONDS = 5.0


@asynccontextmanager
async def translated(role: str, within: float) -> AsyncIterator[None]:
    """Raises BrokerUnavailable for whatever Kafka refuses, or does not do within so many seconds, and
    LeadershipLost where another producer took over."""
    try:
        async with asyncio.timeout(within):
            yield
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise LeadershipLost(role, "another producer took over") from error
    except TimeoutError as error:
        raise BrokerUnavailable(f"no answer within {within:g} seconds") from error
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(repr(error)) from error


async def close(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stops a client, started or not, within a few seconds: on its own it would wait for brokers that
    are away, without end."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError):
        if isinstance(client, AIOKafkaProducer):
            with contextlib.suppress(KafkaError, OSError):
                await client.client.close()
