"""A sender that is not of our make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confluent_kafka import Producer

from adapters.kafka.messages import Message
from adapters.settings import Settings

ANSWER_WITHIN_SECONDS = 90.0


def send_foreign(settings: Settings, messages: Sequence[Message], **options: Any) -> None:
    """Sends messages as librdkafka does, which most clients that are not Java's are made of."""
    client = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, **options})
    for message in messages:
        client.produce(message.topic, message.value, message.key, headers=list(message.headers))
    left = client.flush(ANSWER_WITHIN_SECONDS)
    if left:
        raise AssertionError(f"{left} messages were not taken")
