"""The samples of a soak run, and whether a process grew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

import msgspec

from benchmarks.performance.results import FOLDER

LOADED = "under load"
OUR_PROCESSES = ("serve", "work all", "up")
"""Kafka, PostgreSQL and an embedded broker, which keeps every message in memory, are shown and not judged."""

MOST_GROWTH = 10.0
"""MB an hour. Less is noise: a process of 200 MB varies by 2 MB from one minute to the next."""


@dataclass(frozen=True, slots=True)
class MemorySample:
    """The memory of a process at a moment. Memory that processes share counts once: each gets its part."""

    second: float
    phase: str
    process: str
    megabytes: float


class SoakResults(msgspec.Struct, frozen=True):
    """All samples of a soak run. One that was stopped is not `finished`."""

    made: str
    commit: str
    minutes: float
    calls_per_second: float
    samples: Sequence[MemorySample]
    finished: bool = True

    @property
    def processes(self) -> Sequence[str]:
        return tuple(dict.fromkeys(sample.process for sample in self.samples))

    def held(self, process: str, phase: str) -> float | None:
        """MB, the median."""
        held = [sample.megabytes for sample in self.samples if (sample.process, sample.phase) == (process, phase)]
        return median(held) if held else None

    def growth(self, process: str) -> float:
        """MB an hour, in the last two thirds of the load."""
        loaded = [sample for sample in self.samples if (sample.process, sample.phase) == (process, LOADED)]
        later = loaded[len(loaded) // 3 :]
        if len(later) < 2:
            return 0.0
        line = linear_regression([sample.second for sample in later], [sample.megabytes for sample in later])
        return line.slope * 3600

    @property
    def grown(self) -> Mapping[str, float]:
        """Our processes that grew by more than `MOST_GROWTH`, with their growth."""
        growth = {name: self.growth(name) for name in self.processes if name in OUR_PROCESSES}
        return {name: grown for name, grown in growth.items() if grown > MOST_GROWTH}

    def write(self, folder: Path) -> Path:
        """The file that was written."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"soak-{self.made[:10]}-{self.commit}.json"
        file.write_bytes(msgspec.json.encode(self) + b"\n")
        return file


@dataclass(frozen=True, slots=True)
class SoakFile:
    """A soak run that is kept."""

    file: Path
    results: SoakResults


def latest_soak(folder: Path = FOLDER) -> SoakFile | None:
    """The finished run that was made last, by the time that stands in its file."""
    runs = (
        SoakFile(file, msgspec.json.decode(file.read_bytes(), type=SoakResults)) for file in folder.glob("soak-*.json")
    )
    return max((run for run in runs if run.results.finished), key=lambda run: run.results.made, default=None)
