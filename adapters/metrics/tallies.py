"""Counters and histograms for what happens with every request. Only the event loop's thread counts.

Those of prometheus_client take a lock each time, and a histogram tries one bound after the other: that is 330 of an
update's 5,260 steps of the interpreter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Count:
    """How often something happened."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class CounterTally(Collector):
    """A counter by labels, in the place of prometheus_client's."""

    def __init__(self, name: str, help: str, labels: Sequence[str], registry: CollectorRegistry = REGISTRY) -> None:
        self._name, self._help, self._labels = name, help, labels
        self._counts: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The count of these values, to be kept by whoever counts."""
        return self._counts.setdefault(values, Count())

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric(values, count.value)
        yield family


class Durations:
    """How long something took, in seconds: a number for each bound, one for what took longer, and the sum."""

    __slots__ = ("_bounds", "numbers", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.numbers = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.numbers[bisect_left(self._bounds, seconds)] += 1
        self.sum += seconds


class HistogramTally(Collector):
    """A histogram of durations by labels, in the place of prometheus_client's. `bounds` are seconds, in order."""

    def __init__(
        self,
        name: str,
        help: str,
        labels: Sequence[str],
        bounds: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._name, self._help, self._labels, self._bounds = name, help, labels, bounds
        self._durations: dict[tuple[str, ...], Durations] = {}
        registry.register(self)

    def labels(self, *values: str) -> Durations:
        """The durations of these values, to be kept by whoever measures."""
        return self._durations.setdefault(values, Durations(self._bounds))

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._name, self._help, labels=self._labels)
        for values, durations in self._durations.items():
            names = (*map(str, self._bounds), "+Inf")
            buckets = [*zip(names, map(float, accumulate(durations.numbers)), strict=True)]
            family.add_metric(values, buckets, durations.sum)
        yield family
