"""How many dead letters wait, as metrics: asked of PostgreSQL by each process that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.operators.dead_letters.model import DeadLetterCount


def dead_letter_exposition(counts: Sequence[DeadLetterCount]) -> bytes:
    """Prometheus's text of the counts."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DeadLetterCollector(counts))
    return generate_latest(registry)


class DeadLetterCollector(Collector):
    """`checkout_dead_letters`: those that are not settled, by topic and code; none where there are none."""

    def __init__(self, counts: Sequence[DeadLetterCount]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily(
            "checkout_dead_letters", "Dead letters that wait for an operator.", labels=("topic", "code")
        )
        for each in self._counts:
            waiting.add_metric((each.topic, each.code), each.count)
        yield waiting
