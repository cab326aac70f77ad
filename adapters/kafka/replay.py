"""Topics and messages of republishing. The messages say that they are a replay."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec.structs import replace

from adapters.kafka import topics
from adapters.kafka.cloud_events import rfc3339
from adapters.kafka.messages import (
    Message,
    basket_event_message,
    state_message,
    tombstone_message,
    verdict_message,
)
from adapters.settings import Settings
from domain.operators.republish.republish import ReplayContent, ReplayedEvent

_NAME = re.compile(r"(?!__|\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
"""Topic names that Kafka allows, without those that it reserves for itself."""

_LIVE: dict[ReplayContent, str] = {
    "events": topics.BASKET_EVENTS,
    "verdicts": topics.VALIDATION_RESULTS,
    "states": topics.BASKETS,
}


class KafkaReplayTopics:
    """ReplayTopics."""

    ours: Collection[str] = frozenset(topic.name for topic in topics.TOPICS)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def live(self, content: ReplayContent) -> str:
        return _LIVE[content]

    def usable(self, topic: str) -> bool:
        return _NAME.fullmatch(topic) is not None

    async def ensure(self, topic: str, content: ReplayContent) -> bool:
        # As many partitions as the live topic, so that the same baskets share one. Verdicts are kept like events.
        like = topics.BASKETS if content == "states" else topics.BASKET_EVENTS
        return await topics.ensure_topic_like(self._settings, topic, like)


def replay_message(replayed: ReplayedEvent) -> Message:
    """The message as the publisher sent it, with the run's topic, and headers with the run's id and start."""
    message, run = _message(replayed), replayed.run
    about = (("ce_replay", run.id.encode()), ("ce_replaytime", rfc3339(run.started_at).encode()))
    return replace(message, topic=run.topic, headers=(*message.headers, *about))


def _message(replayed: ReplayedEvent) -> Message:
    if replayed.run.content == "states":
        return tombstone_message(replayed) if replayed.retired else state_message(replayed)
    return basket_event_message(replayed) if replayed.verdict is None else verdict_message(replayed)
