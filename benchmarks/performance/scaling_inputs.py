"""What the arithmetic of docs/scaling.md begins with: named assumptions, and costs that were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.soak_results import SoakResults
from benchmarks.performance.targets import median_of

LOCK_WRITERS = 2
"""By so many, the callers of the benchmark append in batches of about twenty, as those of a busy cell."""


class MissingSection(Exception):
    """A measurement that the arithmetic needs is not in the results. The message names it and how to add it."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not measured: a reader puts in figures of their own. `meaning` of each stands in ASSUMPTIONS."""

    updates: int = 5
    gets: int = 4
    cold: float = 1.0
    used: float = 0.6
    peak: float = 4.0
    flush_ms: float = 1.0
    standby_ms: float = 1.0
    wait_ms: float = 25.0
    page_images: float = 1.5
    pages: int = 6
    hot_minutes: float = 60.0
    archive_days: int = 45
    replicas: int = 3
    groups: int = 3
    broker_mb: float = 75.0
    broker_cores: int = 4
    partition_mb: float = 5.0
    core_hour: float = 0.04
    ssd_month: float = 0.10
    file_month: float = 0.02
    transfer: float = 0.02


ASSUMPTIONS: Mapping[str, str] = {
    "updates": "updates of a checkout, beside one initiate, one validation and one order",
    "gets": "GETs of a checkout",
    "cold": "the share of updates, GETs and validations whose basket the API process has not in memory",
    "used": "the share of a processor that is planned; the rest is for peaks and failures",
    "peak": "the peak rate in mean rates; what is sized by rate is sized for the peak, what is stored by the mean",
    "flush_ms": "ms that the disk of PostgreSQL takes to flush",
    "standby_ms": "ms that a synchronous standby adds to a commit",
    "wait_ms": "ms that an append may wait for the lock, in the mean",
    "page_images": "times the measured write-ahead log, with whole pages after checkpoints",
    "pages": "pages of 8 KB that a call leaves for the next checkpoint to write",
    "hot_minutes": "minutes at the peak whose baskets PostgreSQL keeps in memory",
    "archive_days": "days from a checkout until its basket is in the archive; `CHECKOUT_STATE_RETENTION` alone is 30",
    "replicas": "replicas of each topic",
    "groups": "consumer groups that read everything: ours, and two of order services",
    "broker_mb": "MB a second that a broker writes, replicas counted",
    "broker_cores": "processors of a broker",
    "partition_mb": "MB a second of a partition",
    "core_hour": "euro for a processor for an hour, with its memory",
    "ssd_month": "euro for a GB of a fast disk for a month",
    "file_month": "euro for a GB of files for a month",
    "transfer": "euro for a GB between two zones",
}


@dataclass(frozen=True, slots=True)
class MeasuredCosts:
    """Of a checkout of the assumed journey: processor µs, bytes and events. `append_us` is PostgreSQL's, of one append
    with its response, all of which counts as time that the lock is held."""

    api_us: float
    calls_postgresql_us: float
    command_us: float
    publisher_us: float
    projector_us: float
    workers_postgresql_us: float
    events: float
    append_us: float
    wal_bytes: float
    live_bytes: float
    answer_bytes: float
    kept_bytes: float
    archived_bytes: float
    topic_bytes: float
    event_bytes: float
    state_bytes: float
    verdict_bytes: float
    api_mb: float
    workers_mb: float
    api_connections: int


def measured_costs(results: PerformanceResults, soak: SoakResults, assumed: Assumptions) -> MeasuredCosts:
    """Raises MissingSection."""
    storage = _section(results, "storage", "benchmarks.storage")
    publisher = _section(results, "publisher", "benchmarks.publisher_rate")
    commands = _section(results, "commands", "benchmarks.command_rate")
    workers = _section(results, "workers", "benchmarks.performance workers")
    projector = workers["projectors"]["projectors_1"]
    events: float = storage["events_per_basket"]
    wal, kafka = storage["wal_bytes"], storage["kafka_bytes"]
    size = {name: of["table"] + of["indexes"] for name, of in storage["postgresql_bytes"].items()}
    writes = assumed.updates + 3
    return MeasuredCosts(
        api_us=_of_calls(results, assumed, "processor_us", "api"),
        calls_postgresql_us=_of_calls(results, assumed, "postgresql_us", "postgresql"),
        command_us=commands["us_of_processor_a_command"],
        publisher_us=publisher["us_of_processor_an_event"] * events,
        projector_us=projector["processor_us_per_event"] * events,
        workers_postgresql_us=commands["us_of_postgresql_a_command"]
        + (projector["postgresql_us_per_event"] + publisher.get("us_of_postgresql_an_event", 0.0)) * events,
        events=events,
        append_us=_append_us(_section(results, "append lock", "benchmarks.append_lock")),
        wal_bytes=wal["initiate"]
        + assumed.updates * wal["update"]
        + wal["validate"]
        + wal["order"]
        + writes * wal["view"],
        live_bytes=size["event"] * events + sum(size[name] for name in ("basket_views", "open_basket_uses", "claims")),
        answer_bytes=size["answers"],
        kept_bytes=sum(size[name] for name in ("data_keys", "basket_subjects", "archived_baskets")),
        archived_bytes=storage["archive_bytes_per_event"] * events,
        topic_bytes=sum(kafka.values()),
        event_bytes=kafka["events"],
        state_bytes=kafka["states"] / writes,
        verdict_bytes=kafka["verdicts"],
        api_mb=soak.held("serve", "under load") or math.nan,
        workers_mb=soak.held("work all", "under load") or math.nan,
        api_connections=workers["connections"]["1"],
    )


def _of_calls(results: PerformanceResults, assumed: Assumptions, warm: str, cold: str) -> float:
    """µs of a checkout's calls. `warm` is a figure of turns on baskets in memory; `cold` names the part of a growth
    benchmark that says how much more a call takes on a basket that must be loaded."""
    growth = _section(results, "growth", "benchmarks.growth")["microseconds"]
    stores = [name for name in growth if name.endswith(" events")]
    of_store = growth[max(stores, key=lambda name: int(name.split()[0].replace(",", "")))]
    calls = {"update with a key": assumed.updates, "get": assumed.gets, "validate": 1}
    spent = median_of(results.turns["initiate"], warm)
    for name, count in calls.items():
        kind = name.split()[0]
        loading = of_store[f"{kind}, cold"][cold] - of_store[f"{kind}, warm"][cold]
        spent += count * (median_of(results.turns[name], warm) + assumed.cold * loading)
    return spent


def _append_us(figures: Mapping[str, Any]) -> float:
    """PostgreSQL's µs of an append while LOCK_WRITERS take turns."""
    fast = min(rate["flush_ms"] for rate in figures["rates"])
    (found,) = (
        rate["postgresql_us"]
        for rate in figures["rates"]
        if (rate["flush_ms"], rate["writers"]) == (fast, LOCK_WRITERS)
    )
    return float(found)


def _section(results: PerformanceResults, name: str, command: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = results.sections[name]
    except KeyError:
        raise MissingSection(
            f"the results have no section {name!r}: python -m {command} | python -m benchmarks.performance add {name!r}"
        ) from None
    return found


def rows_of(assumed: Assumptions) -> list[tuple[str, float, str]]:
    """Name, value and meaning of each assumption."""
    return [(field.name, getattr(assumed, field.name), ASSUMPTIONS[field.name]) for field in fields(assumed)]
