"""What other benchmarks printed, as sections of the page that a reader grasps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]


_FIGURE = re.compile(r"(\*\*)?[+−-]?\d|$|not measured|never")
_CALL_ORDER = ("update", "validate", "get")


def section(name: str, figures: Figures) -> str:
    """A section with its heading. One that is not known here has a row for each figure."""
    title, render = _SECTIONS.get(name, (name.capitalize(), _flat_table))
    return "\n".join([f"## {title}", *render(figures), *_measured_on(figures), "", ""])


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown. Columns of figures are aligned to the right."""
    marks = ["---:" if all(map(_FIGURE.match, column)) else "---" for column in zip(*rows, strict=True)]
    lines = [heads, *rows]
    return [_row(lines[0]), f"|{'|'.join(marks)}|", *map(_row, lines[1:])]


def _row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _measured_on(figures: Figures) -> Iterator[str]:
    if (when := figures.get("measured")) is not None:
        yield ""
        note = f": {when['note']}" if "note" in when else ""
        yield f"Measured on commit {when['commit']}, {when['made'][:16].replace('T', ' ')}{note}."


def _growth(figures: Figures) -> list[str]:
    costs, ratios, limits = figures["microseconds"], figures["processor_time_ratios"], figures["limits"]
    stores = [name for name in costs if name.endswith(" events")]
    baskets = [name for name in costs if name not in stores]
    return [
        (
            "Does a call get dearer with the store, or with a basket's history? `python -m benchmarks.growth` fills stores"
            " and calls baskets that are spread over them. “Cold” is the first call on a basket after a start of the API;"
            " “warm” is a call on a basket that it keeps in memory. Cells are processor time in µs, API + PostgreSQL, and"
            f" how many times the first column that is. Medians of {figures['rounds']} rounds."
        ),
        "",
        (
            f"**Stores of {', '.join(name.removesuffix(' events') for name in stores)} events**"
            f" (target: at most {limits[stores[-1]]:g} times)"
        ),
        "",
        *_growth_table(stores, costs, ratios),
        "",
        (
            f"**Baskets of {' and '.join(name.removeprefix('baskets of ') for name in baskets)} events**"
            f" (target: at most {limits[baskets[-1]]:g} times)"
        ),
        "",
        *_growth_table(baskets, costs, ratios),
        "",
        "What the tables take on disk, in MB, with their indexes in parentheses:",
        "",
        *_sizes_table(figures["sizes"]),
    ]


def _growth_table(columns: Sequence[str], costs: Figures, ratios: Figures) -> list[str]:
    def cell(column: str, call: str) -> str:
        cost = costs[column][call]
        ratio = ratios.get(column, {}).get(call)
        return f"{cost['api']:.0f} + {cost['postgresql']:.0f}" + ("" if ratio is None else f" (**{ratio:.2f}**)")

    calls = sorted(costs[columns[0]], key=lambda call: (call.endswith("warm"), _CALL_ORDER.index(call.split(",")[0])))
    return table(["call", *columns], [[call, *(cell(column, call) for column in columns)] for call in calls])


def _sizes_table(sizes: Figures) -> list[str]:
    names = list(next(iter(sizes.values())))
    rows = [
        [f"`{name}`", *(f"{of[name]['table'] / 1e6:,.1f} ({of[name]['indexes'] / 1e6:,.1f})" for of in sizes.values())]
        for name in names
    ]
    return table(["table", *sizes], rows)


def _publisher(figures: Figures) -> list[str]:
    stages = [("reading", "read_us"), ("folding and rendering", "fold_us"), ("making and sending messages", "send_us")]
    rows = [
        ["an event, catching up", f"**{figures['us_of_processor_an_event']:g}**"],
        *([f"of it {words}, alone", f"{figures[name]:g}"] for words, name in stages if name in figures),
    ]
    if (postgresql := figures.get("us_of_postgresql_an_event")) is not None:
        rows.append(["PostgreSQL's share beside it", f"{postgresql:g}"])
    return [
        (
            f"`python -m benchmarks.publisher_rate`: {figures['events']:,} events with their states and verdicts, to Apache"
            f" Kafka in transactions. One publisher published **{figures['events_a_second']:,} events a second** by wall"
            " clock, while Kafka and PostgreSQL had the same processors."
        ),
        "",
        *table(["processor time in µs", ""], rows),
    ]


def _latency(figures: Figures) -> list[str]:
    return [
        (
            "`python -m benchmarks.publisher_rate latency`: from an event's commit in PostgreSQL until a reader of committed"
            f" messages has it, at {figures['updates_a_second']:,} updates a second."
        ),
        "",
        *table(["median", "p99"], [[f"{figures[name]:,.0f} ms" for name in ("p50_ms", "p99_ms")]]),
    ]


def _workers(figures: Figures) -> list[str]:
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
        *_projectors(figures["projectors"]),
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


def _projectors(figures: Figures) -> list[str]:
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


def _append_lock(figures: Figures) -> list[str]:
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
            f"`python -m benchmarks.append_lock`: {figures['callers']} callers append as fast as they may, through so many"
            " writers. Each API process is one writer. An append holds the one lock until its commit is on disk, so"
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


def _commands(figures: Figures) -> list[str]:
    return [
        (
            f"`python -m benchmarks.command_rate`: {figures['commands']:,} updates that came as commands over Kafka, each on"
            " a basket that the worker knows, with their results in transactions."
        ),
        "",
        *table(
            ["commands a second", "processor time in µs", "PostgreSQL's"],
            [
                [
                    f"{figures['commands_a_second']:,}",
                    f"{figures['us_of_processor_a_command']:g}",
                    f"{figures['us_of_postgresql_a_command']:g}",
                ]
            ],
        ),
    ]


def _storage(figures: Figures) -> list[str]:
    sizes, wal, kafka = figures["postgresql_bytes"], figures["wal_bytes"], figures["kafka_bytes"]
    event, baskets = sizes["event"], {name: of for name, of in sizes.items() if name != "event"}
    rows = [["an event, in the table and its indexes", f"{event['table']:,} + {event['indexes']:,}"]]
    rows += [[f"a basket in `{name}`", f"{of['table']:,} + {of['indexes']:,}"] for name, of in baskets.items()]
    rows += [[f"the write-ahead log, for {_CALLS[name]}", f"{count:,}"] for name, count in wal.items()]
    rows += [[f"Kafka, all {name} of a basket, one replica", f"{count:,}"] for name, count in kafka.items()]
    rows.append(["an event in the archive", f"{figures['archive_bytes_per_event']:,}"])
    return [
        (
            f"`python -m benchmarks.storage`: {figures['baskets']:,} checkouts of {figures['events_per_basket']:g} events:"
            " three lines with a person's encrypted details, an initiate, five updates, a validation and an order, each"
            " call with an `Idempotency-Key`. PostgreSQL was vacuumed between the steps. After each checkpoint, whole pages"
            " come to the log on top. [Scaling](scaling.md) carries these figures to a year."
        ),
        "",
        *table(["bytes", ""], rows),
    ]


_CALLS = {
    "initiate": "an initiate",
    "update": "an update",
    "validate": "a validation",
    "order": "an order's report",
    "view": "a view's move",
}


def _flat_table(figures: Figures) -> list[str]:
    rows = [[" / ".join(path), value] for path, value in _flat({**figures, "measured": {}})]
    return table(["figure", ""], rows)


def _flat(figures: Figures, *above: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in figures.items():
        path = (*above, name.replace("_", " "))
        if isinstance(value, dict):
            yield from _flat(value, *path)
        else:
            yield path, f"{value:,.4g}" if isinstance(value, float) else str(value)


_SECTIONS: Mapping[str, tuple[str, Callable[[Figures], list[str]]]] = {
    "publisher": ("Publisher", _publisher),
    "latency": ("From a commit to a reader", _latency),
    "commands": ("Commands over Kafka", _commands),
    "workers": ("Two processes", _workers),
    "projector": ("Projectors", _projectors),
    "append lock": ("The lock of appends", _append_lock),
    "growth": ("Growth", _growth),
    "storage": ("Bytes of a checkout", _storage),
}
"""Known sections in the order of the page: their heading, and what renders them."""

ORDER = tuple(_SECTIONS)
