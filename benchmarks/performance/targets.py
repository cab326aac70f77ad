"""What is aimed for, as data, and whether measured turns meet it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """What one operation took in one round. Processor times are of one call, `generator` and `others` in processors.

    `processor_us` is of the server's process with its children, `postgresql_us` of its database server.
    """

    calls: int
    per_second: float
    processor_us: float
    postgresql_us: float
    p50_ms: float
    p99_ms: float
    generator: float


Turns = Mapping[str, Sequence[Turn]]
"""By operation, one for each round."""


def median_of(turns: Sequence[Turn], figure: str) -> float:
    """`figure` is a field of a turn."""
    return statistics.median(float(getattr(turn, figure)) for turn in turns)


FIGURES: dict[str, Callable[[Turn, Turn], float]] = {
    "processor time": lambda ours, peer: ours.processor_us / peer.processor_us,
    "throughput": lambda ours, peer: ours.per_second / peer.per_second,
    "latency": lambda ours, peer: ours.p50_ms / peer.p50_ms,
    "added latency in ms": lambda ours, peer: ours.p50_ms - peer.p50_ms,
}
"""Each compares two turns of one round."""


@dataclass(frozen=True, slots=True)
class PerformanceTarget:
    """An operation beside its peer, by one of FIGURES. `at_least`: more is better. `aim` is what we want beyond it."""

    operation: str
    peer: str
    figure: str
    limit: float
    at_least: bool = False
    aim: float | None = None

    @property
    def name(self) -> str:
        return f"{self.operation} beside {self.peer}, {self.figure}"

    def meets(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


TARGETS = (
    PerformanceTarget("update", "hello", "processor time", 2.0, aim=1.3),
    PerformanceTarget("update", "floor", "processor time", 1.5),
    PerformanceTarget("initiate", "hello", "processor time", 2.5),
    PerformanceTarget("get", "hello", "processor time", 1.5),
    PerformanceTarget("validate", "hello", "processor time", 3.0),
    PerformanceTarget("update", "emmett", "throughput", 4.0, at_least=True),
    PerformanceTarget("update", "stock library", "throughput", 25.0, at_least=True),
    PerformanceTarget("lone update", "lone hello", "added latency in ms", 1.5),
    PerformanceTarget("append, 64 callers", "INSERT, 64 callers", "throughput", 4.5, at_least=True),
    PerformanceTarget("append, 1 caller", "INSERT, 1 caller", "latency", 1.3),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A target beside what was measured: the median of the rounds' values and their spread; None: not measured."""

    name: str
    limit: float
    aim: float | None
    at_least: bool
    value: float | None
    least: float | None
    most: float | None
    met: bool | None


def judge(turns: Turns, targets: Sequence[PerformanceTarget] = TARGETS) -> list[Judgement]:
    return [_judge(turns, target) for target in targets]


def _judge(turns: Turns, target: PerformanceTarget) -> Judgement:
    pairs = zip(turns.get(target.operation, ()), turns.get(target.peer, ()), strict=False)
    values = [FIGURES[target.figure](ours, peer) for ours, peer in pairs]
    value = statistics.median(values) if values else None
    return Judgement(
        target.name,
        target.limit,
        target.aim,
        target.at_least,
        value,
        min(values, default=None),
        max(values, default=None),
        None if value is None else target.meets(value, target.limit),
    )
