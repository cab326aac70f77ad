"""What is aimed for, as data, and whether measured turns meet it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True, slots=True)
class SectionTarget:
    """A figure that another benchmark printed, at most so large. `why` says where the limit comes from."""

    name: str
    section: str
    figure: Callable[[Mapping[str, Any]], float]
    limit: float
    why: str = ""


def _most_growth(figures: Mapping[str, Any], names: Callable[[str], bool]) -> float:
    ratios: Mapping[str, Mapping[str, float]] = figures["processor_time_ratios"]
    return max(ratio for name, of_calls in ratios.items() if names(name) for ratio in of_calls.values())


SECTION_TARGETS = (
    SectionTarget(
        "publisher, processor time of an event in µs",
        "publisher",
        lambda figures: float(figures["us_of_processor_an_event"]),
        33.0,
        "a tenth of 330",
    ),
    SectionTarget(
        "commit to a reader at 500 updates a second, p99 in ms",
        "latency",
        lambda figures: float(figures["p99_ms"]),
        150.0,
    ),
    SectionTarget(
        "projector, processor time of an event in µs",
        "workers",
        lambda figures: float(figures["projectors"]["projectors_1"]["processor_us_per_event"]),
        29.0,
        "a third of 87",
    ),
    SectionTarget(
        "any call in a larger store beside the smallest, processor time",
        "growth",
        lambda figures: _most_growth(figures, lambda name: name.endswith(" events")),
        1.2,
    ),
    SectionTarget(
        "any call on a basket of 1,000 events beside one of 10, processor time",
        "growth",
        lambda figures: _most_growth(figures, lambda name: name.startswith("baskets of ")),
        1.5,
    ),
)


def judge(turns: Turns, targets: Sequence[PerformanceTarget] = TARGETS) -> list[Judgement]:
    return [_judge(turns, target) for target in targets]


def judge_sections(sections: Mapping[str, Mapping[str, Any]]) -> list[Judgement]:
    """What is missing in `sections` was not measured."""
    return [_judge_section(sections.get(target.section), target) for target in SECTION_TARGETS]


def _judge_section(figures: Mapping[str, Any] | None, target: SectionTarget) -> Judgement:
    name = f"{target.name} ({target.why})" if target.why else target.name
    value = None if figures is None else target.figure(figures)
    met = None if value is None else value <= target.limit
    return Judgement(name, target.limit, None, at_least=False, value=value, least=value, most=value, met=met)


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
