"""A consumer that has none of our code: confluent-kafka, `read_committed`, from the first message on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from cli.conformance.cloud_event_rules import WireMessage
from tests.chaos.topic_judge import Consumed, TopicJudge

AT_ONCE = 500
WAIT_SECONDS = 0.2


class ForeignConsumer:
    """Reads the topics in a thread of its own, while the block runs, and hands every message to the judge."""

    def __init__(self, servers: str, topics: Sequence[str], judge: TopicJudge) -> None:
        self._judge = judge
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="foreign consumer", daemon=True)
        self._topics = topics
        self._failure: BaseException | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                # The broker is missed for a while, which is no news.
                "log_level": 2,
                "group.id": "foreign-consumer",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "check.crcs": True,
                "fetch.wait.max.ms": 50,
            }
        )

    def __enter__(self) -> ForeignConsumer:
        known = self._consumer.list_topics(timeout=30).topics
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in self._topics
                for partition in known[topic].partitions
            ]
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(30)
        self._consumer.close()
        if self._failure is not None:
            raise self._failure

    def ask(self, question: Callable[[TopicJudge], bool]) -> bool:
        """Asks about what was read so far. Raises what ended the thread."""
        if self._failure is not None:
            raise self._failure
        return question(self._judge)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                for message in self._consumer.consume(AT_ONCE, WAIT_SECONDS):
                    error = message.error()
                    if error is not None:
                        # A broker that restarts is missed for a moment; the client goes on by itself.
                        if error.fatal() or error.code() == KafkaError._PARTITION_EOF:
                            raise RuntimeError(str(error))
                        continue
                    read = WireMessage(message.key(), message.value(), _headers(message))
                    self._judge.read(Consumed(message.topic() or "", message.partition() or 0, read))
        except BaseException as failure:  # noqa: BLE001  (the thread that waits raises it)
            self._failure = failure


def _headers(message: Message) -> tuple[tuple[str, bytes], ...]:
    headers: Any = message.headers() or []
    return tuple((name, value or b"") for name, value in headers)
