"""docs/performance.md and its plots, made of one run's results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.performance.markdown import table
from benchmarks.performance.plots import plot_memory, plot_processor_time, plot_targets
from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.sections import ORDER, section
from benchmarks.performance.soak_results import MOST_GROWTH, SoakFile
from benchmarks.performance.summary import summary
from benchmarks.performance.targets import Judgement, Turn, Turns, judge_sections, median_of

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


def write_page(results: PerformanceResults, file: Path, soak: SoakFile | None) -> None:
    """Writes the page and its plots. `file` is where the results stand."""
    calls = [name for name in _DESCRIPTIONS if name in results.turns]
    plot_processor_time(results, [name for name in calls if not name.startswith("lone")], PLOTS / "processor-time.svg")
    targets = [*results.targets, *judge_sections(results.sections)]
    plot_targets(targets, PLOTS / "targets.svg")
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, content in {
        "SUMMARY": "\n".join(f"- {sentence}" for sentence in summary(results, targets, soak)),
        "RESULTS": f"[{file.name}](../{file})",
        "COMMIT": results.commit,
        "MACHINE": _machine(results),
        "ROUNDS": str(results.rounds),
        "OTHERS": f"{results.others:.0%}",
        "TARGETS": "\n".join(_target_row(target) for target in targets),
        "CALLS": "\n".join(_call_row(name, _DESCRIPTIONS[name], results.turns) for name in calls),
        "APPENDS": "\n".join(_append_rows(results)),
        "SKIPPED": "".join(f"\n\n{name} was skipped: {why}." for name, why in results.skipped.items()),
        "SECTIONS": "".join(section(name, results.sections[name]) for name in _in_order(results.sections)),
        "MEMORY": _memory(soak),
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
    spread = "" if target.least == target.most else f" ({target.least:.2f} to {target.most:.2f})"
    return f"| {target.name} | {limit} | **{target.value:.2f}**{spread} | {'yes' if target.met else 'no'} |"


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


def _in_order(sections: Iterable[str]) -> list[str]:
    """Known sections come first, in their order."""
    return sorted(sections, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


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


def _memory(soak: SoakFile | None) -> str:
    """The section about the newest soak run."""
    if soak is None:
        return "No soak run is kept in `benchmarks/results`."
    plot_memory(soak.results, PLOTS / "memory.svg")
    phases = list(dict.fromkeys(sample.phase for sample in soak.results.samples))
    rows = []
    for process in dict.fromkeys(sample.process for sample in soak.results.samples):
        held = [soak.results.held(process, phase) for phase in phases]
        if None not in held:
            rows.append([process, *(f"{value:,.0f}" for value in held), f"{soak.results.growth(process):+.0f}"])
    return (
        f"{soak.results.minutes:g} minutes at {soak.results.calls_per_second:.0f} calls a second on commit"
        f" {soak.results.commit}, after enough visits to fill the caches ([samples](../{soak.file})). “A later hour"
        f" adds” is the slope of the last two thirds of the load; a process of the service that grows by more than"
        f" {MOST_GROWTH:g} MB an hour fails the run. Kafka"
        " and PostgreSQL are not judged.\n\n![Memory of each process](performance/memory.svg)\n\n"
        + "\n".join(table(["MB, median", *phases, "a later hour adds"], rows))
    )
