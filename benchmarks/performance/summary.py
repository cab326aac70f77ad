"""What the figures mean, in sentences that stand at the top of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.soak_results import SoakFile
from benchmarks.performance.targets import Judgement, median_of

BROKER = "the embedded broker"


def summary(results: PerformanceResults, targets: Sequence[Judgement], soak: SoakFile | None) -> Iterator[str]:
    """Only what was measured."""
    turns, sections = results.turns, results.sections
    update, get = turns["update"], turns["get"]
    yield (
        f"**An update costs {median_of(update, 'processor_us'):.0f} µs of the API's processor** and"
        f" {median_of(update, 'postgresql_us'):.0f} µs of PostgreSQL's. One API process answered"
        f" {median_of(update, 'per_second'):,.0f} updates a second, or {median_of(get, 'per_second'):,.0f} GETs, while"
        " its callers and PostgreSQL had the same processors."
    )
    ratios = {target.name: target.value for target in targets}
    hello, emmett = ratios["update beside hello, processor time"], ratios["update beside emmett, throughput"]
    if hello is not None:
        peer = "" if emmett is None else f", and {emmett:.1f} times as many updates a second as Emmett answers"
        yield f"That is {hello:.1f} times the processor time of FastAPI's hello-world{peer}."
    judged = [target for target in targets if target.met is not None]
    missed = [target.name for target in judged if not target.met]
    met = f"{len(judged) - len(missed)} of {len(judged)} targets are met"
    yield f"**{met}.** Missed: {'; '.join(missed)}." if missed else f"**All {len(judged)} targets are met.**"
    if (publisher := sections.get("publisher")) is not None:
        reader = ""
        if (latency := sections.get("latency")) is not None:
            reader = (
                f" A reader of Kafka has an event {latency['p50_ms']:,.0f} ms after its commit (median; p99"
                f" {latency['p99_ms']:,.0f} ms)."
            )
        yield f"**The one publisher publishes {publisher['events_a_second']:,} events a second.**{reader}{_note(publisher)}"
    if (workers := sections.get("workers")) is not None:
        api = workers["api"]["update"]
        projectors = [workers["projectors"][f"projectors_{count}"]["events_per_second"] for count in (1, 2)]
        yield (
            f"**A second API process** answers {api['2']['per_second'] / api['1']['per_second']:.2f} times the updates"
            f" on this machine of {workers['processors']} processors, which its callers and PostgreSQL use too. A second"
            f" projector projects {projectors[1] / projectors[0]:.2f} times the events.{_note(workers)}"
        )
    if (growth := sections.get("growth")) is not None:
        largest = max(
            (name for name in growth["processor_time_ratios"] if name.endswith(" events")),
            key=lambda name: int(name.split()[0].replace(",", "")),
        )
        ratio = max(growth["processor_time_ratios"][largest].values())
        yield f"**In a store of {largest}** no call costs more than {ratio:.2f} times what it costs in the smallest."
    if soak is not None:
        held = {name: soak.results.held(name, "under load") for name in ("serve", "work all")}
        if None not in held.values():
            yield (
                f"**Memory** under load: {held['serve']:.0f} MB for an API process and {held['work all']:.0f} MB for all"
                f" workers in one process; a later hour adds {soak.results.growth('serve'):.0f} and"
                f" {soak.results.growth('work all'):.0f} MB."
            )


def _note(figures: Mapping[str, Any]) -> str:
    """What a reader must know of the measurement."""
    note = figures.get("measured", {}).get("note")
    return "" if note is None else f" (Measured so: {note}.)"
