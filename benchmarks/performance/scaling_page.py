"""docs/scaling.md, made of the newest measurements and the assumptions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.topics import TOPICS
from adapters.postgres.catalogue.catalogue import CONCURRENT_QUERIES
from adapters.postgres.dead_letter_store import MAX_CLAIMS
from adapters.postgres.event_store.append import MAX_APPENDS
from adapters.postgres.event_store.read import CONCURRENCY
from adapters.postgres.read_models import basket_list
from adapters.settings import Settings
from benchmarks.performance.capacity import PlannedLoad, capacity, lock_capacity, stored
from benchmarks.performance.markdown import table
from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.scaling_cost import costs_of_a_million
from benchmarks.performance.scaling_inputs import Assumptions, MeasuredCosts, measured_costs, rows_of
from benchmarks.performance.soak_results import SoakFile

PAGE = Path("docs/scaling.md")
TEMPLATE = Path(__file__).parent / "scaling.md"
RATES = (1_000, 10_000, 100_000)


def write_scaling(results: PerformanceResults, file: Path, soak: SoakFile) -> None:
    """`file` is where the results stand. Raises MissingSection."""
    PAGE.write_text(scaling_page(results, file, soak, Assumptions()), encoding="utf-8")


def scaling_page(results: PerformanceResults, file: Path, soak: SoakFile, assumed: Assumptions) -> str:
    """Raises MissingSection."""
    costs = measured_costs(results, soak.results, assumed)
    loads = [PlannedLoad(rate, costs, assumed) for rate in RATES]
    text = TEMPLATE.read_text(encoding="utf-8")
    contents: dict[str, list[str]] = {
        "RESULTS": [f"[{file.name}](../{file})"],
        "SOAK": [f"[{soak.file.name}](../{soak.file})"],
        "ASSUMPTIONS": table(
            ["name", "value", "meaning"],
            [[f"`{name}`", f"{value:g}", meaning] for name, value, meaning in rows_of(assumed)],
        ),
        "CHECKOUT": _checkout(costs, assumed),
        "SIZES": _sizes(loads),
        "BREAKS": _breaks(costs, assumed),
        "CONNECTIONS": _connections(costs),
        "POSTGRESQL": _postgresql(loads),
        "KAFKA": _kafka(loads),
        "STORAGE": _storage(loads),
        "COSTS": _costs(costs, assumed),
        "NOTES": [_notes(results)],
        "LOCK_CHECK": [_lock_check(results)],
        "LIMITS": [_first_limits(costs, assumed)],
        "TOPICS": [str(len(TOPICS))],
        "MESSAGE_MIB": [f"{MAX_MESSAGE_BYTES // 2**20}"],
        "BATCH": [str(MAX_APPENDS)],
        "CELLS": [str(loads[-1].cells)],
    }
    for name, lines in contents.items():
        text = text.replace(f"{{{name}}}", "\n".join(lines))
    return text


def _checkout(costs: MeasuredCosts, assumed: Assumptions) -> list[str]:
    calls = f"1 initiate, {assumed.updates} updates, {assumed.gets} GETs, 1 validation"
    rows = [
        [f"the API, {calls}", f"{costs.api_us:,.0f} µs"],
        ["PostgreSQL, for these calls", f"{costs.calls_postgresql_us:,.0f} µs"],
        ["the command worker, for the order's report", f"{costs.command_us:,.0f} µs"],
        [f"the publisher, {costs.events:g} events", f"{costs.publisher_us:,.0f} µs"],
        [f"a projector, {costs.events:g} events", f"{costs.projector_us:,.0f} µs"],
        ["PostgreSQL, for these workers", f"{costs.workers_postgresql_us:,.0f} µs"],
        ["PostgreSQL, tables and indexes while the basket lives", f"{costs.live_bytes:,.0f} bytes"],
        ["stored responses, for a day", f"{costs.answer_bytes:,.0f} bytes"],
        ["what PostgreSQL keeps of an archived basket", f"{costs.kept_bytes:,.0f} bytes"],
        ["the write-ahead log, without whole pages", f"{costs.wal_bytes:,.0f} bytes"],
        ["Kafka, all topics, one replica", f"{costs.topic_bytes:,.0f} bytes"],
        ["of it events", f"{costs.event_bytes:,.0f} bytes"],
        ["the newest state", f"{costs.state_bytes:,.0f} bytes"],
        ["the archive", f"{costs.archived_bytes:,.0f} bytes"],
    ]
    return table(["a checkout takes", "measured"], rows)


Cell = Callable[[PlannedLoad], str]


def _by_rate(loads: list[PlannedLoad], rows: list[tuple[str, Cell]]) -> list[str]:
    heads = ["updates a second at the peak", *(f"{load.updates:,.0f}" for load in loads)]
    return table(heads, [[name, *(cell(load) for load in loads)] for name, cell in rows])


def _cell(load: PlannedLoad) -> PlannedLoad:
    return load.of_a_cell(load.cells)


def _api_processes(load: PlannedLoad) -> int:
    return _cell(load).api_processes * load.cells


def _sizes(loads: list[PlannedLoad]) -> list[str]:
    rows: list[tuple[str, Cell]] = [
        (
            "calls and reports of orders a second",
            lambda load: f"{load.checkouts * (load.assumed.updates + load.assumed.gets + 3):,.0f}",
        ),
        ("events a second", lambda load: f"{load.events:,.0f}"),
        ("API processors, busy", lambda load: f"{load.processors(load.costs.api_us):,.1f}"),
        ("API processes, all cells", lambda load: f"{_api_processes(load):,}"),
        ("their memory, GB", lambda load: f"{_api_processes(load) * load.costs.api_mb / 1000:,.1f}"),
        ("publishers' processors, busy", lambda load: f"{load.processors(load.costs.publisher_us):,.2f}"),
        ("command workers' processors, busy", lambda load: f"{load.processors(load.costs.command_us):,.2f}"),
        ("**cells** (databases with workers and topics of their own)", lambda load: f"**{load.cells}**"),
        ("active publishers and command workers", lambda load: f"{load.cells} + {load.cells}"),
        (
            "memory of two processes of all workers in each cell, GB",
            lambda load: f"{2 * load.cells * load.costs.workers_mb / 1000:,.1f}",
        ),
        ("projectors", lambda load: f"{_cell(load).processes(load.costs.projector_us) * load.cells:,}"),
        ("an append's wait in one database, ms", lambda load: _finite(load.wait_ms)),
        ("an append's wait in a cell, ms", lambda load: _finite(_cell(load).wait_ms)),
        ("PostgreSQL's processors, busy, all cells", lambda load: f"{load.postgresql_processors:,.1f}"),
        ("brokers, all cells", lambda load: f"{_cell(load).brokers * load.cells:,}"),
    ]
    return _by_rate(loads, rows)


def _finite(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "never"


def _postgresql(loads: list[PlannedLoad]) -> list[str]:
    rows: list[tuple[str, Cell]] = [
        ("cells", lambda load: f"{load.cells}"),
        ("in each: processors, busy", lambda load: f"{_cell(load).postgresql_processors:,.2f}"),
        ("processors to plan", lambda load: f"{math.ceil(_cell(load).postgresql_processors / load.assumed.used)}"),
        ("memory for hot baskets, GB", lambda load: f"{_cell(load).hot_gigabytes:,.0f}"),
        (
            "connections of API processes, as measured",
            lambda load: f"{_cell(load).api_processes * load.costs.api_connections:,}",
        ),
        ("write-ahead log, MB/s", lambda load: f"{_cell(load).wal_mb:,.0f}"),
        ("flushes of the log for appends, a second, at most", lambda load: f"{_cell(load).flushes:,.0f}"),
        ("pages written a second", lambda load: f"{_cell(load).page_writes:,.0f}"),
    ]
    return _by_rate(loads, rows)


def _kafka(loads: list[PlannedLoad]) -> list[str]:
    rows: list[tuple[str, Cell]] = [
        ("cells", lambda load: f"{load.cells}"),
        ("in each: sent by the publisher, MB/s", lambda load: f"{_cell(load).topic_mb:,.1f}"),
        ("written with replicas, MB/s", lambda load: f"{_cell(load).topic_mb * load.assumed.replicas:,.0f}"),
        ("read by all groups, MB/s", lambda load: f"{_cell(load).topic_mb * load.assumed.groups:,.0f}"),
        ("brokers", lambda load: f"{_cell(load).brokers}"),
        ("partitions that the rate needs", lambda load: f"{_cell(load).partitions}"),
    ]
    return _by_rate(loads, rows)


def _storage(loads: list[PlannedLoad]) -> list[str]:
    def terabytes(gigabytes: float) -> str:
        return f"{gigabytes / 1000:,.1f}"

    replicas = loads[0].assumed.replicas
    rows: list[tuple[str, Cell]] = [
        ("checkouts a year, millions", lambda load: f"{load.checkouts_a_day * 365 / 1e6:,.0f}"),
        ("PostgreSQL with the archive on", lambda load: terabytes(stored(load).postgresql)),
        ("PostgreSQL without it", lambda load: terabytes(stored(load).postgresql_unarchived)),
        ("the archive's files", lambda load: terabytes(stored(load).archive)),
        (f"Kafka's events, {replicas} replicas", lambda load: terabytes(stored(load).event_topic * replicas)),
        (f"Kafka's states, {replicas} replicas", lambda load: terabytes(stored(load).state_topic * replicas)),
        (
            f"Kafka's verdicts of 30 days, {replicas} replicas",
            lambda load: terabytes(stored(load).verdict_topic * replicas),
        ),
    ]
    return _by_rate(loads, rows)


def _first_limits(costs: MeasuredCosts, assumed: Assumptions) -> str:
    """The two that come first where more processes do not help."""
    single = [(rate, name) for name, rate in _bears(costs, assumed).items() if not name.startswith("one ")]
    (first, name), (second, other) = sorted(single)[:2]
    return (
        f"**At about {round(first, -2):,.0f} updates a second {name} is full** by the assumptions below."
        f" Next comes {other}, at about {round(second, -2):,.0f}."
    )


def _notes(results: PerformanceResults) -> str:
    """What those who measured noted, with the sections that it is about."""
    about: dict[str, list[str]] = {}
    for name, figures in results.sections.items():
        if (note := figures.get("measured", {}).get("note")) is not None:
            about.setdefault(note, []).append(name)
    said = "; ".join(f"{', '.join(names)}: {note}" for note, names in about.items())
    if "us_of_postgresql_an_event" not in results.sections["publisher"]:
        said += f"{'; ' * bool(said)}what the publisher takes of PostgreSQL was not measured, and counts as nothing"
    return f" Notes on measurements: {said}." if said else ""


def _lock_check(results: PerformanceResults) -> str:
    """How far the arithmetic of the lock is from what was measured with the slowest flush and several writers."""
    rates = results.sections.get("append lock", {}).get("rates", ())
    slowest = max((rate["flush_ms"] for rate in rates), default=0)
    several = [rate for rate in rates if rate["flush_ms"] == slowest and rate["writers"] > 1]
    if not several or not slowest:
        return ""
    ratios = [rate["p50_ms"] / (1.5 * rate["writers"] * slowest) for rate in several]
    return (
        f" With {slowest} ms added to a flush, appends through {several[0]['writers']} to {several[-1]['writers']} writers"
        f" waited {min(ratios):.2f} to {max(ratios):.2f} times what the arithmetic says of the added time alone."
    )


def _bears(costs: MeasuredCosts, assumed: Assumptions) -> dict[str, float]:
    """The updates a second of each part, alone."""
    partitions: int = Settings.model_fields["kafka_partitions"].default
    largest = max(costs.event_bytes, costs.state_bytes * (assumed.updates + 3))
    return {
        "one API process": capacity(costs, assumed, costs.api_us),
        "the publisher (one is active)": capacity(costs, assumed, costs.publisher_us),
        "the lock of appends of one database": float(lock_capacity(costs, assumed)),
        "the command worker (one is active), by orders alone": capacity(costs, assumed, costs.command_us),
        "one projector": capacity(costs, assumed, costs.projector_us),
        f"a cluster of {assumed.replicas} brokers": assumed.broker_mb * 1e6 / costs.topic_bytes * assumed.updates,
        f"a topic of {partitions} partitions": assumed.partition_mb * 1e6 * partitions / largest * assumed.updates,
    }


def _breaks(costs: MeasuredCosts, assumed: Assumptions) -> list[str]:
    bears = sorted(_bears(costs, assumed).items(), key=lambda pair: pair[1])
    return table(["what", "bears updates a second"], [[name, f"{rate:,.0f}"] for name, rate in bears])


def _connections(costs: MeasuredCosts) -> list[str]:
    """From the code's own limits."""
    pool: int = Settings.model_fields["database_pool_size"].default
    api = [
        ("`checkout`: health, views, operators' reads", pool),
        ("`checkout reader`: reads of baskets", 2 * CONCURRENCY),
        ("`checkout writer`: all appends of the process", 1),
        ("`checkout catalogue reader`", CONCURRENT_QUERIES + 1),
        ("`checkout list`: partners' lists of baskets", basket_list.CONNECTIONS),
        ("`checkout data keys`", 2),
        ("listeners: catalogue, data keys", 2),
    ]
    workers = [
        ("`checkout feed`, and its listener", 3),
        ("`checkout dead letters`", MAX_CLAIMS),
        ("one for each role that it holds or waits for: publisher, commands, archiver, sampler, …", 6),
    ]
    most = sum(count for _, count in api)
    rows = [[name, str(count)] for name, count in api]
    rows.append(["**an API process, at most**", f"**{most}**"])
    rows.append(["an API process after the load of the benchmark", str(costs.api_connections)])
    rows += [[f"a process of all workers besides: {name}", str(count)] for name, count in workers]
    rows.append(["**`checkout work all`, at most**", f"**{most + sum(count for _, count in workers)}**"])
    return table(["connections", ""], rows)


def _costs(costs: MeasuredCosts, assumed: Assumptions) -> list[str]:
    items = costs_of_a_million(costs, assumed)
    rows = [
        [item.what, f"{item.amount:,.1f} {item.unit}", f"{item.price:g} €", f"{item.euro:,.2f} €", item.how]
        for item in items
    ]
    rows.append(["**all**", "", "", f"**{sum(item.euro for item in items):,.2f} €**", ""])
    return table(["a million checkouts", "amount", "price of one", "euro", "how"], rows)
