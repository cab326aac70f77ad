"""docs/performance.md and its plots, made of one run's results."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.performance.plots import plot_memory, plot_processor_time, plot_targets
from benchmarks.performance.results import FOLDER, PerformanceResults
from benchmarks.performance.soak import SoakResults
from benchmarks.performance.targets import Judgement, Turn, Turns, median_of

PAGE = Path("docs/performance.md")
PLOTS = Path("docs/performance")
FIRST_DECISION = "0059"
TEMPLATE = Path(__file__).parent / "page.md"

_DESCRIPTIONS = {
    "hello": "FastAPI's own first example, on the same server module",
    "floor": "the least in this language: body parsed, token looked up, one ready event appended in a batch",
    "update": "one action on a basket of three lines: an `add` or a `change_quantity`, in alternation",
    "update with a key": "the same with an `Idempotency-Key`, so that the response is stored too",
    "initiate": "a new basket of one line",
    "get": "a basket of three lines",
    "validate": "the first one of a basket of three lines: event, evidence, and a signed promise",
    "emmett": "the same change of a quantity with Emmett, on Node and Express",
    "stock library": "the same with the stock eventsourcing library, behind a FastAPI route",
    "lone hello": "hello with one caller",
    "lone update": "an update with one caller",
}


def write_page(results: PerformanceResults, file: Path) -> None:
    """Writes the page and its plots. `file` is where the results stand."""
    calls = [name for name in _DESCRIPTIONS if name in results.turns]
    plot_processor_time(results, [name for name in calls if not name.startswith("lone")], PLOTS / "processor-time.svg")
    plot_targets(results.targets, PLOTS / "targets.svg")
    memory = _memory()
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, content in {
        "RESULTS": f"[{file.name}](../{file})",
        "COMMIT": results.commit,
        "MACHINE": _machine(results),
        "ROUNDS": str(results.rounds),
        "OTHERS": f"{results.others:.0%}",
        "TARGETS": "\n".join(_target_row(target) for target in results.targets),
        "CALLS": "\n".join(_call_row(name, _DESCRIPTIONS[name], results.turns) for name in calls),
        "APPENDS": "\n".join(_append_rows(results)),
        "SKIPPED": "".join(f"\n\n{name} was skipped: {why}." for name, why in results.skipped.items()),
        "SECTIONS": "".join(_section(*section) for section in results.sections.items()),
        "MEMORY": memory,
        "WAYS": "\n".join(_ways()),
    }.items():
        text = text.replace(f"{{{name}}}", content)
    PAGE.write_text(text, encoding="utf-8")


def _machine(results: PerformanceResults) -> str:
    machine = results.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processors']} processors ({machine['processor']}), {machine['memory_gib']} GiB, "
        f"Python {machine['python']}; {packages}"
    )


def _target_row(target: Judgement) -> str:
    limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
    if target.aim is not None:
        limit += f" (aim {target.aim:g})"
    if target.value is None:
        return f"| {target.name} | {limit} | not measured | |"
    spread = f"{target.least:.2f} to {target.most:.2f}"
    return f"| {target.name} | {limit} | **{target.value:.2f}** ({spread}) | {'yes' if target.met else 'no'} |"


def _call_row(name: str, description: str, turns: Turns) -> str:
    own = turns[name]
    hello = turns["lone hello" if name.startswith("lone") else "hello"]
    ratio = statistics.median(ours.processor_us / peer.processor_us for ours, peer in zip(own, hello, strict=True))
    spread = f"{min(turn.processor_us for turn in own):,.0f} to {max(turn.processor_us for turn in own):,.0f}"
    return (
        f"| **{name}**: {description} | {median_of(own, 'processor_us'):,.0f} ({spread}) | {ratio:.2f} "
        f"| {median_of(own, 'postgresql_us'):,.0f} | {median_of(own, 'per_second'):,.0f} "
        f"| {median_of(own, 'p50_ms'):.2f} / {median_of(own, 'p99_ms'):.2f} | {median_of(own, 'generator'):.0%} |"
    )


def _append_rows(results: PerformanceResults) -> list[str]:
    rows = []
    for name, own in results.turns.items():
        kind, _, callers = name.partition(", ")
        if kind == "append":
            peer = results.turns[f"INSERT, {callers}"]
            ratio = statistics.median(us.per_second / them.per_second for us, them in zip(own, peer, strict=True))
            cells = (f"{_rate(own)} | {_rate(peer)}", f"{ratio:.2f}")
            rows.append(f"| {callers} | {' | '.join(cells)} |")
    return rows


def _section(name: str, figures: Mapping[str, Any]) -> str:
    """What another benchmark printed, one figure a row."""
    rows = [f"| {' / '.join(path)} | {value} |" for path, value in _flat(figures)]
    return "\n".join([f"## {name.capitalize()}", "| figure | |", "|---|---|", *rows, "", ""])


def _flat(figures: Mapping[str, Any], *above: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in figures.items():
        path = (*above, name.replace("_", " "))
        if isinstance(value, dict):
            yield from _flat(value, *path)
        else:
            yield path, f"{value:,.4g}" if isinstance(value, float) else str(value)


def _rate(turns: Sequence[Turn]) -> str:
    latency = f"{median_of(turns, 'p50_ms'):.1f} / {median_of(turns, 'p99_ms'):.1f}"
    processor = f"{median_of(turns, 'processor_us'):.0f} + {median_of(turns, 'postgresql_us'):.0f}"
    return f"{median_of(turns, 'per_second'):,.0f} | {latency} | {processor}"


def _ways() -> Iterator[str]:
    """Links to the decisions that say what was tried."""
    for page in sorted(PAGE.parent.glob("decisions/0*.md")):
        number, _, title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(" ")
        if number >= FIRST_DECISION:
            yield f"- [{title}](decisions/{page.name})"


def _memory() -> str:
    """The section about the newest soak run."""
    files = sorted(FOLDER.glob("soak-*.json"))
    if not files:
        return "No soak run is kept in `benchmarks/results`."
    soak = msgspec.json.decode(files[-1].read_bytes(), type=SoakResults)
    plot_memory(soak, PLOTS / "memory.svg")
    phases = list(dict.fromkeys(sample.phase for sample in soak.samples))
    rows = [f"| MB, median | {' | '.join(phases)} | a later hour adds |", f"|---|{'---|' * len(phases)}---|"]
    for process in dict.fromkeys(sample.process for sample in soak.samples):
        cells = [f"{value:,.0f}" for phase in phases if (value := _held(soak, process, phase)) is not None]
        if len(cells) == len(phases):
            rows.append(f"| {process} | {' | '.join(cells)} | {_growth(soak, process):+.0f} |")
    return (
        f"{soak.minutes:g} minutes at {soak.calls_per_second:.0f} calls a second on commit {soak.commit}, after 12,000 "
        f"baskets had filled the caches ([samples](../{files[-1]})). “A later hour adds” is the slope of the second half "
        f"of the load.\n\n![Memory of each process](performance/memory.svg)\n\n" + "\n".join(rows)
    )


def _held(soak: SoakResults, process: str, phase: str) -> float | None:
    held = [sample.megabytes for sample in soak.samples if (sample.process, sample.phase) == (process, phase)]
    return statistics.median(held) if held else None


def _growth(soak: SoakResults, process: str) -> float:
    """MB an hour, in the second half of the load."""
    loaded = [sample for sample in soak.samples if (sample.process, sample.phase) == (process, "under load")]
    later = loaded[len(loaded) // 2 :]
    if len(later) < 2:
        return 0.0
    line = statistics.linear_regression([sample.second for sample in later], [sample.megabytes for sample in later])
    return line.slope * 3600
