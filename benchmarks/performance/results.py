"""What one run found, as JSON: one file for people, plots and later comparisons."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.performance.targets import Judgement, Turn

FOLDER = Path("benchmarks/results")
_PACKAGES = ("asyncpg", "eventsourcing", "fastapi", "msgspec", "pydantic", "uvicorn", "uvloop")


class PerformanceResults(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `others` is what all other processes took meanwhile, of all processors. `sections` holds what other
    benchmarks printed, by their names."""

    made: str
    commit: str
    machine: Mapping[str, Any]
    rounds: int
    others: float
    turns: Mapping[str, Sequence[Turn]]
    targets: Sequence[Judgement]
    skipped: Mapping[str, str]
    sections: Mapping[str, Any]

    @property
    def met(self) -> bool:
        """Whether every target that was measured is met."""
        return all(target.met is not False for target in self.targets)

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)

    def write(self, folder: Path = FOLDER) -> Path:
        """The file that was written."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.made[:10]}-{self.commit}.json"
        file.write_bytes(msgspec.json.format(self.encoded(), indent=1) + b"\n")
        return file


def read_results(file: Path) -> PerformanceResults:
    return msgspec.json.decode(file.read_bytes(), type=PerformanceResults)


def latest_results(folder: Path = FOLDER) -> Path | None:
    """The file that was made last, by the time that stands in it."""
    return max(folder.glob("[0-9]*.json"), key=lambda file: read_results(file).made, default=None)


def commit() -> str:
    """The short id of the commit, with `+` where files differ from it."""
    given = "describe", "--always", "--dirty=+", "--exclude=*"
    try:
        found = subprocess.run(["git", *given], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
