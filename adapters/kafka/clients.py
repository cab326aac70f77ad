"""Kafka clients as this service wants them, made from its settings and not started."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from adapters.kafka.connecting import Admin, Consumer, Producer, connection
from adapters.settings import Settings

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message: the verdict on a basket of 500 lines, each with several findings."""

TRANSACTION_TIMEOUT_MS = 30_000
METADATA_MAX_AGE_MS = 30_000


def consumer(settings: Settings, *topics: str, group: str | None, **more: Any) -> AIOKafkaConsumer:
    """A consumer that sees committed messages only, begins with the oldest, and commits when it is told
    to. `more` goes to aiokafka as it is."""
    options: dict[str, Any] = {
        "group_id": group,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": settings.kafka_fetch_max_wait_ms,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        # Two may be lost before the session is.
        "heartbeat_interval_ms": settings.kafka_session_timeout_ms // 3,
        # So that topics and partitions that are made later are seen soon.
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        **connection(settings),
        **more,
    }
    return Consumer(*topics, **options)


def producer(settings: Settings, transactional_id: str | None = None) -> AIOKafkaProducer:
    """A producer whose messages count as sent once all replicas have them. Without transactions on the
    broker's side it may write a message twice where an acknowledgement is lost."""
    exactly_once = settings.kafka_delivery == "exactly_once"
    return Producer(
        acks="all",
        enable_idempotence=exactly_once,
        transactional_id=transactional_id if exactly_once else None,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        max_request_size=MAX_MESSAGE_BYTES,
        max_batch_size=256 * 1024,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        **connection(settings),
    )


def admin(settings: Settings) -> AIOKafkaAdminClient:
    return Admin(**connection(settings))
