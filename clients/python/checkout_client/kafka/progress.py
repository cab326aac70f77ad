"""How far the messages of a topic are finished. No input or output."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from checkout_client.kafka.messages import Record


@dataclass(frozen=True, slots=True)
class Positions:
    """Of each partition, the offset at which reading goes on. Everything before it is finished.

    A consumer that keeps them in its own store, in the transaction of what it did, has each effect once.
    """

    topic: str
    offsets: Mapping[int, int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps({"topic": self.topic, "offsets": {str(key): value for key, value in self.offsets.items()}})

    @classmethod
    def from_json(cls, text: str | bytes) -> Positions:
        """Raises ValueError for anything but what `to_json` wrote."""
        try:
            stored = json.loads(text)
            return cls(str(stored["topic"]), {int(key): int(value) for key, value in stored["offsets"].items()})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("these are no positions") from error


class Progress:
    """Which messages were received, and which of them are finished. Messages may be finished in any order."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._next: dict[int, int] = {}
        self._open: dict[int, dict[int, None]] = {}

    def received(self, records: Iterable[Record], read_to: Mapping[int, int]) -> None:
        """These messages came, in the order of their offsets in each partition. Reading goes on at `read_to`."""
        for record in records:
            self._open.setdefault(record.partition, {})[record.offset] = None
        self._next = dict(read_to)

    def finished(self, records: Iterable[Record]) -> None:
        """Nothing is left to do for these messages. Those of partitions that were revoked are passed over."""
        for record in records:
            self._open.get(record.partition, {}).pop(record.offset, None)

    def revoked(self) -> None:
        """Another member may have the partitions. What is open will come again."""
        self._next.clear()
        self._open.clear()

    def positions(self, including: Collection[Record] = ()) -> Positions:
        """Before these offsets everything is finished; `including` counts messages as finished that are not yet."""
        extra = {(record.partition, record.offset) for record in including}
        return Positions(self._topic, {partition: self._position(partition, extra) for partition in self._next})

    def _position(self, partition: int, extra: Collection[tuple[int, int]]) -> int:
        unfinished = (offset for offset in self._open.get(partition, ()) if (partition, offset) not in extra)
        return next(unfinished, self._next[partition])
