"""The topics and their settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from adapters.kafka.clients import MAX_MESSAGE_BYTES, admin
from adapters.kafka.errors import translate_error
from adapters.kafka.startup import start_client
from adapters.settings import Settings
from domain.shared.errors import BrokerUnavailable

BASKET_EVENTS = "checkout.basket-events.v1"
BASKETS = "checkout.baskets.v1"
VALIDATION_RESULTS = "checkout.validation-results.v1"
COMMANDS = "checkout.commands.v1"
COMMAND_RESULTS = "checkout.command-results.v1"
OFFERS = "catalogue.offers.v1"
PRICES = "catalogue.prices.v1"
AVAILABILITY = "catalogue.availability.v1"
POLICIES = "checkout.policies.v1"
ORDERS = "checkout.orders.v1"
ORDER_RESULTS = "checkout.order-results.v1"
DEAD_LETTERS = "checkout.dead-letters.v1"
PUBLISHER_POSITIONS = "checkout.publisher-positions.v1"

FOREVER = "-1"
START_TIMEOUT_SECONDS = 20.0
LEADERS_TIMEOUT_SECONDS = 15.0

_log = structlog.get_logger("adapters.kafka.topics")


def _milliseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))


_COMPACTED = {
    "cleanup.policy": "compact",
    # A reader that was away for less than a week misses no message.
    "min.compaction.lag.ms": _milliseconds(timedelta(days=7)),
}
_STATES = {
    "cleanup.policy": "compact",
    # A reader that lags less than an hour is given every version, so it can hold the state of each position.
    "min.compaction.lag.ms": _milliseconds(timedelta(hours=1)),
    # An older version may hold personal data that was erased since. Compaction drops it within a day, however little
    # of a partition changed. (Kafka also closes segments by this: it never compacts the open one.)
    "max.compaction.lag.ms": _milliseconds(timedelta(days=1)),
    # A reader that was away for less than a week is given each tombstone.
    "delete.retention.ms": _milliseconds(timedelta(days=7)),
    # Compaction copies whole segments. These hold eight of the largest messages, and are closed often under load.
    "segment.bytes": str(128 * 1024 * 1024),
}
_POSITIONS = {
    "cleanup.policy": "compact",
    # Small segments, cleaned soon, keep the search for the newest record short.
    "segment.bytes": str(1024 * 1024),
    "segment.ms": _milliseconds(timedelta(hours=1)),
    "min.cleanable.dirty.ratio": "0.1",
}


def _kept(retention: str) -> Mapping[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": retention}


@dataclass(frozen=True, slots=True)
class Topic:
    """`partitions` None: the number of the settings."""

    name: str
    settings: Mapping[str, str]
    partitions: int | None = None


TOPICS = (
    # Order services replay from the first event on.
    Topic(BASKET_EVENTS, _kept(FOREVER)),
    Topic(BASKETS, _STATES),
    Topic(VALIDATION_RESULTS, _kept(_milliseconds(timedelta(days=30)))),
    Topic(COMMANDS, _kept(_milliseconds(timedelta(days=7)))),
    Topic(COMMAND_RESULTS, _kept(_milliseconds(timedelta(days=7)))),
    Topic(OFFERS, _COMPACTED),
    Topic(PRICES, _COMPACTED),
    Topic(AVAILABILITY, _COMPACTED),
    Topic(POLICIES, _COMPACTED),
    Topic(ORDERS, _kept(_milliseconds(timedelta(days=30)))),
    Topic(ORDER_RESULTS, _kept(_milliseconds(timedelta(days=30)))),
    Topic(DEAD_LETTERS, _kept(_milliseconds(timedelta(days=365)))),
    Topic(PUBLISHER_POSITIONS, _POSITIONS, partitions=1),
)


def topic_settings(topic: Topic, replicas: int) -> Mapping[str, str]:
    """What a topic is created with, on so many brokers."""
    return {
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.insync.replicas": "2" if replicas >= 3 else "1",
        **topic.settings,
    }


async def ensure_topics(settings: Settings) -> Sequence[str]:
    """Creates the missing topics and returns their names once every topic has a leader. Raises BrokerUnavailable."""
    async with admin_client(settings) as client:
        return await _ensure(client, settings, TOPICS)


async def ensure_topic_like(settings: Settings, name: str, other: str) -> bool:
    """Creates a topic with the settings and the partitions of another one, unless it exists, and returns whether it did
    once the topic has a leader. Raises BrokerUnavailable."""
    (kept,) = [topic.settings for topic in TOPICS if topic.name == other]
    async with admin_client(settings) as client:
        (described,) = await client.describe_topics([other])
        return bool(await _ensure(client, settings, [Topic(name, kept, len(described["partitions"]))]))


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started client. Raises BrokerUnavailable and BrokerRefused, also from the block."""
    client = admin(settings)
    try:
        await start_client(client, settings, "topics", START_TIMEOUT_SECONDS)
        yield client
    except TimeoutError as error:
        raise BrokerUnavailable("no answer about the topics") from error
    except (KafkaError, OSError) as error:
        raise translate_error(error) from error
    finally:
        await client.close()


async def _ensure(client: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]) -> Sequence[str]:
    created = await _create(client, settings, topics)
    async with asyncio.timeout(LEADERS_TIMEOUT_SECONDS):
        while not await _all_have_leaders(client, topics):  # noqa: ASYNC110  (Kafka does not tell when leaders are elected)
            await asyncio.sleep(0.05)
    return created


async def _create(client: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]) -> Sequence[str]:
    replicas = settings.kafka_replication_factor or min(3, len((await client.describe_cluster())["brokers"]))
    response = await client.create_topics(
        [
            NewTopic(
                topic.name,
                topic.partitions or settings.kafka_partitions,
                replicas,
                topic_configs=dict(topic_settings(topic, replicas)),
            )
            for topic in topics
        ]
    )
    created = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error is NoError:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message}")
    return created


async def _all_have_leaders(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> bool:
    described = await client.describe_topics([topic.name for topic in topics])
    return all(
        topic["error_code"] == 0
        and topic["partitions"]
        and all(partition["leader"] >= 0 for partition in topic["partitions"])
        for topic in described
    )
