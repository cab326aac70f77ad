"""What other benchmarks printed, as sections of the page that a reader grasps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.performance.markdown import table
from benchmarks.performance.process_sections import Figures, append_lock_section, projectors_section, workers_section

_CALL_ORDER = ("update", "validate", "get")


def section(name: str, figures: Figures) -> str:
    """A section with its heading. One that is not known here has a row for each figure."""
    title, render = _SECTIONS.get(name, (name.capitalize(), _flat_table))
    return "\n".join([f"## {title}", *render(figures), *_measured_on(figures), "", ""])


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
    "workers": ("Two processes", workers_section),
    "projector": ("Projectors", projectors_section),
    "append lock": ("The lock of appends", append_lock_section),
    "growth": ("Growth", _growth),
    "storage": ("Bytes of a checkout", _storage),
}
"""Known sections in the order of the page: their heading, and what renders them."""

ORDER = tuple(_SECTIONS)
