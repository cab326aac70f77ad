"""Plots of results, as SVG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.soak_results import SoakResults
from benchmarks.performance.targets import Judgement, median_of

SERVER, DATABASE, MET, MISSED = "#1f5f8b", "#9cc5e0", "#2e7d4f", "#b5402a"

mpl.use("svg")
# The same figures make the same file.
mpl.rcParams.update({"svg.hashsalt": "checkout", "svg.fonttype": "none", "font.size": 10, "axes.axisbelow": True})


def plot_processor_time(results: PerformanceResults, names: Sequence[str], file: Path) -> None:
    """A bar for each operation: its server's processor time, and PostgreSQL's beside it."""
    figure, axes = _figure(0.42 * len(names) + 1.2)
    server = [median_of(results.turns[name], "processor_us") for name in names]
    database = [median_of(results.turns[name], "postgresql_us") for name in names]
    axes.barh(names, server, color=SERVER, label="the server's process")
    axes.barh(names, database, left=server, color=DATABASE, label="PostgreSQL")
    for row, total in enumerate(zip(server, database, strict=True)):
        axes.text(sum(total), row, f" {total[0]:,.0f} + {total[1]:,.0f}", va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, max(map(sum, zip(server, database, strict=True))) * 1.18)
    axes.set_xlabel("processor time of a call in µs, median")
    axes.legend(loc="upper right", frameon=False)
    _save(figure, file)


def plot_targets(targets: Sequence[Judgement], file: Path) -> None:
    """Each target that was measured, as the part of its limit that is used; the line spans the rounds."""
    measured = [target for target in targets if target.value]
    figure, axes = _figure(0.42 * len(measured) + 1.2)
    axes.axvline(1, color="#555555", linewidth=1)
    for row, target in enumerate(measured):
        parts = [_used(target, value) for value in (target.value, target.least, target.most)]
        color = MET if target.met else MISSED
        axes.plot(parts[1:], (row, row), color=color, linewidth=2, alpha=0.5)
        axes.plot(parts[0], row, "o", color=color)
        axes.annotate(f"{target.value:.2f}", (parts[0], row), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(measured)), [target.name for target in measured])
    axes.set_ylim(len(measured) - 0.5, -0.7)
    axes.set_xlim(0, max(2.0, *(_used(target, target.value) * 1.15 for target in measured)))
    axes.set_xlabel("used part of the limit (1: all of it)")
    _save(figure, file)


def plot_memory(soak: SoakResults, file: Path) -> None:
    """The memory of each process over time, with the phases as shades."""
    figure, axes = _figure(4.5)
    samples = soak.samples
    last = max(sample.second for sample in samples)
    ends: list[tuple[str, float]] = []
    for name in dict.fromkeys(sample.process for sample in samples):
        own = [sample for sample in samples if sample.process == name]
        axes.plot([sample.second / 60 for sample in own], [sample.megabytes for sample in own], linewidth=1.3)
        ends.append((name, own[-1].megabytes))
    highest = max(sample.megabytes for sample in samples)
    below = -highest
    for (name, height), line in sorted(zip(ends, axes.get_lines(), strict=True), key=lambda pair: pair[0][1]):
        below = max(height, below + highest * 0.045)  # names do not cover each other
        axes.text(last / 60 * 1.01, below, name, va="center", color=line.get_color())
    for shade, phase in enumerate(dict.fromkeys(sample.phase for sample in samples)):
        seconds = [sample.second for sample in samples if sample.phase == phase]
        axes.axvspan(min(seconds) / 60, max(seconds) / 60, color="#000000", alpha=0.03 + 0.04 * (shade % 2))
    axes.set_ylim(0, highest * 1.1)
    axes.set_xlim(0, last / 60)
    axes.set_xlabel("minutes; shades: at rest, filling caches, under load, at rest again")
    axes.set_ylabel("MB")
    _save(figure, file)


def _used(target: Judgement, value: float | None) -> float:
    assert value is not None
    return target.limit / value if target.at_least else value / target.limit


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(axis="x", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None}, facecolor="white")
