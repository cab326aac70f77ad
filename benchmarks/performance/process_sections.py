"""The sections about several processes: of the API, projectors, and writers that share the lock of appends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.performance.markdown import table

Figures = Mapping[str, Any]


def workers_section(figures: Figures) -> list[str]:
    rows = []
    for name, of_operation in figures["api"].items():
        one = of_operation["1"]["per_second"]
        rows += [
            [
                f"{name}, {processes} API {'process' if processes == '1' else 'processes'}",
                f"{cost['per_second']:,}",
                f"{cost['per_second'] / one:.2f}",
                *(f"{taken:.2f}" for taken in _taken(cost)),
                f"{cost['p50_ms']:.1f} / {cost['p99_ms']:.1f}",
            ]
            for processes, cost in of_operation.items()
        ]
    heads = ["", "calls a second", "of one process's", "API", "PostgreSQL", "generator", "p50 / p99 ms"]
    return [
        (
            f"`python -m benchmarks.performance workers`: `checkout serve` with `--workers` 1 and 2, by turns, called by"
            f" {figures['callers']} callers. Load generator, PostgreSQL and the API share {figures['processors']} processors;"
            " the middle columns say how many each took. Medians of"
            f" {figures['rounds']} rounds; other processes took {figures['others']:.0%} of the machine."
        ),
        "",
        *table(heads, rows),
        "",
        (
            "A second process wins only what the machine has left."
            f" {_fullness(figures['api']['update'], figures['processors'])} With PostgreSQL and the callers on machines"
            " of their own, a second process has a processor of its own. That was not run here."
        ),
        "",
        (
            f"Connections to PostgreSQL afterwards: {figures['connections']['1']} of one process,"
            f" {figures['connections']['2']} of two."
        ),
        "",
        *projectors_section(figures["projectors"]),
    ]


def _fullness(update: Figures, processors: int) -> str:
    one, two = (sum(_taken(update[processes])) for processes in ("1", "2"))
    return (
        f"For updates the three took {one:.1f} of {processors} processors together with one API process, and {two:.1f}"
        " with two."
    )


def _taken(cost: Figures) -> Iterator[float]:
    """Processors of the API, of PostgreSQL and of the load generator."""
    yield cost["per_second"] * cost["processor_us"] / 1e6
    yield cost["per_second"] * cost["postgresql_us"] / 1e6
    yield cost["generator"]


def projectors_section(figures: Figures) -> list[str]:
    rows = []
    for count in (1, 2):
        of_count = figures[f"projectors_{count}"]
        servers = [of_count.get(f"{name}_us_per_event") for name in ("postgresql", "kafka")]
        rows.append(
            [
                f"{count} {'projector' if count == 1 else 'projectors'}",
                f"{of_count['events_per_second']:,}",
                f"{of_count['processor_us_per_event']:g}",
                *("not measured" if cost is None else f"{cost:g}" for cost in servers),
            ]
        )
    return [
        (
            f"`python -m benchmarks.projector_rate`: {figures['events']:,} events of real baskets from"
            f" {figures['kafka'].partition(' (')[0]} into empty views. Processor times are of an event, in µs. PostgreSQL"
            " and Kafka have the same processors as the projectors."
        ),
        "",
        *table(["", "events a second", "projector", "PostgreSQL", "Kafka"], rows),
    ]


def append_lock_section(figures: Figures) -> list[str]:
    rates = {(rate["flush_ms"], rate["writers"]): rate for rate in figures["rates"]}
    flushes, writers = (list(dict.fromkeys(key[at] for key in rates)) for at in (0, 1))

    def rows(cell: Callable[[int, int], str]) -> list[list[str]]:
        names = [f"{flush} ms more for a flush" if flush else "this machine's disk" for flush in flushes]
        return [[name, *(cell(flush, count) for count in writers)] for name, flush in zip(names, flushes, strict=True)]

    def wait(flush: int, count: int) -> str:
        measured = f"{rates[flush, count]['p50_ms']:,.0f}"
        return f"{measured} ({1.5 * count * flush:,.0f})" if flush and count > 1 else measured

    return [
        (
            f"`python -m benchmarks.append_lock`: {figures['callers']} callers append an event with its stored"
            " response as fast as they may, through so many writers. Each API process is one writer. An append holds the one lock until its commit is on disk, so"
            " more writers mean smaller batches, and a slow disk counts once a batch. [Scaling](scaling.md) says what"
            " follows."
        ),
        "",
        *table(
            ["appends a second, by writers", *map(str, writers)],
            rows(lambda flush, count: f"{rates[flush, count]['per_second']:,}"),
        ),
        "",
        "The median wait of an append in ms; in parentheses one and a half times the added flushes of all writers:",
        "",
        *table(["wait, by writers", *map(str, writers)], rows(wait)),
        "",
        "PostgreSQL's processor time of an append in µs:",
        "",
        *table(
            ["by writers", *map(str, writers)],
            rows(lambda flush, count: f"{rates[flush, count]['postgresql_us']:g}")[:1],
        ),
    ]
