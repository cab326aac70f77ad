"""The arithmetic of docs/scaling.md."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.performance.capacity import PlannedLoad, capacity, lock_capacity, stored
from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.scaling_cost import costs_of_a_million
from benchmarks.performance.scaling_inputs import (
    ASSUMPTIONS,
    Assumptions,
    MeasuredCosts,
    MissingSection,
    measured_costs,
)
from benchmarks.performance.scaling_page import scaling_page
from benchmarks.performance.soak_results import MemorySample, SoakFile, SoakResults
from benchmarks.performance.targets import Turn

ASSUMED = Assumptions(
    updates=5, gets=4, cold=1.0, used=0.5, peak=4.0, flush_ms=1.0, standby_ms=1.0, wait_ms=20.0, archive_days=10
)
COSTS = MeasuredCosts(
    api_us=2_000.0,
    calls_postgresql_us=1_000.0,
    command_us=100.0,
    publisher_us=400.0,
    projector_us=200.0,
    workers_postgresql_us=500.0,
    events=10.0,
    append_us=20.0,
    wal_bytes=50_000.0,
    live_bytes=20_000.0,
    answer_bytes=10_000.0,
    kept_bytes=1_000.0,
    archived_bytes=2_000.0,
    topic_bytes=40_000.0,
    event_bytes=15_000.0,
    state_bytes=3_000.0,
    verdict_bytes=5_000.0,
    api_mb=160.0,
    workers_mb=250.0,
    api_connections=10,
)
TURN = Turn(calls=1, per_second=1.0, processor_us=100.0, postgresql_us=10.0, p50_ms=1.0, p99_ms=1.0, generator=0.0)


def load(updates: float) -> PlannedLoad:
    return PlannedLoad(updates, COSTS, ASSUMED)


def test_a_rate_of_updates_is_a_rate_of_checkouts_with_their_events_and_appends() -> None:
    planned = load(1_000)
    assert (planned.checkouts, planned.events, planned.appends) == (200.0, 2_000.0, 1_600.0)


def test_processes_stay_within_the_planned_share_of_a_processor() -> None:
    planned = load(1_000)
    assert planned.processors(COSTS.api_us) == pytest.approx(0.4)
    assert planned.api_processes == 1
    assert load(1_250).api_processes == 1
    assert load(1_251).api_processes == 2
    assert capacity(COSTS, ASSUMED, COSTS.api_us) == pytest.approx(1_250)


def test_an_append_waits_for_flushes_of_each_process_and_longer_the_busier_the_lock_is() -> None:
    planned = load(10_000)
    assert planned.api_processes == 8
    # Of 16,000 appends a second at 20 µs each the lock has 0.68 of its time left; nine writers flush for 2 ms each,
    # and an append waits for one and a half turns.
    assert planned.wait_ms == pytest.approx(1.5 * 9 * 2 / 0.68)
    assert load(100_000).wait_ms == math.inf


def test_the_lock_bears_the_largest_rate_whose_appends_wait_no_longer_than_they_may() -> None:
    largest = lock_capacity(COSTS, ASSUMED)
    assert load(largest).wait_ms <= ASSUMED.wait_ms < load(largest + 100).wait_ms


def test_there_are_as_many_cells_as_the_publisher_and_the_lock_need() -> None:
    assert load(1_000).cells == 1
    # One publisher bears 6,250 updates a second.
    assert load(6_300).cells == 2
    many = load(100_000)
    assert many.of_a_cell(many.cells).wait_ms <= ASSUMED.wait_ms
    slow = PlannedLoad(6_000, COSTS, replace(ASSUMED, flush_ms=4.0))
    assert slow.cells > slow.processes(COSTS.publisher_us)
    # Here even two writers' flushes take longer than an append may wait: cells stop at one API process each.
    hopeless = PlannedLoad(6_000, COSTS, replace(ASSUMED, flush_ms=100.0))
    assert hopeless.of_a_cell(hopeless.cells).api_processes == 1


def test_postgresql_and_kafka_take_bytes_in_proportion_to_the_rate() -> None:
    planned = load(10_000)
    assert planned.postgresql_processors == pytest.approx(3.0)
    assert planned.wal_mb == pytest.approx(2_000 * 50_000 * 1.5 / 1e6)
    assert planned.topic_mb == pytest.approx(80.0)
    assert planned.brokers == 4  # 240 MB/s of 75 each
    assert load(1_000).brokers == ASSUMED.replicas
    assert planned.partitions == 10  # 48 MB/s of states, 5 each
    assert planned.flushes == 500
    assert load(10).flushes == pytest.approx(16)


def test_a_year_is_stored_by_the_mean_rate() -> None:
    planned = load(1_000)
    assert planned.checkouts_a_day == pytest.approx(50 * 86_400)
    day = 4.32e6 / 1e9
    held = stored(planned)
    assert held.postgresql == pytest.approx(day * (20_000 * 10 + 10_000) + day * 365 * 1_000)
    assert held.postgresql_unarchived == pytest.approx(day * 10_000 + day * 365 * 21_000)
    assert held.archive == pytest.approx(day * 365 * 2_000)
    assert held.event_topic == pytest.approx(day * 365 * 15_000)
    assert held.state_topic == pytest.approx(day * 3_000 * (10 + 7))
    assert held.verdict_topic == pytest.approx(day * 5_000 * 30)


def test_a_million_checkouts_cost_their_share_of_machines_that_stand_for_the_peak() -> None:
    items = {item.what: item for item in costs_of_a_million(COSTS, ASSUMED)}
    assert items["API"].amount == pytest.approx(2_000 / 3600 * 4 / 0.5)
    assert items["API"].euro == pytest.approx(items["API"].amount * ASSUMED.core_hour)
    assert items["PostgreSQL, two machines"].amount == pytest.approx(2 * 1_500 / 3600 * 8)
    assert items["Kafka's disks: events"].amount == pytest.approx(15 * 3 * 12)
    assert items["Kafka's brokers"].amount == pytest.approx(40_000 * 3 / 75 * 4 * 4 / 3600)
    assert items["between zones"].amount == pytest.approx(40 * 5 + 75)


def test_every_assumption_says_what_it_means() -> None:
    assert list(ASSUMPTIONS) == [field.name for field in fields(Assumptions)]


def results(**left_out: None) -> PerformanceResults:
    size = {"table": 80, "indexes": 20}
    tables = ("event", "basket_views", "open_basket_uses", "claims", "answers", "data_keys", "basket_subjects")
    cost = {
        f"{call}, {state}": {"api": api, "postgresql": api / 10, "wall": 0.0}
        for call in ("update", "get", "validate")
        for state, api in (("cold", 150.0), ("warm", 100.0))
    }
    sections: dict[str, Any] = {
        "storage": {
            "events_per_basket": 11.0,
            "postgresql_bytes": dict.fromkeys((*tables, "archived_baskets"), size),
            "wal_bytes": {"initiate": 7_000, "update": 3_000, "validate": 5_000, "order": 2_000, "view": 4_000},
            "kafka_bytes": {"events": 14_000, "states": 24_000, "verdicts": 5_000},
            "archive_bytes_per_event": 100,
        },
        "append lock": {
            "rates": [
                {"flush_ms": flush, "writers": writers, "postgresql_us": 10.0 * writers + flush, "p50_ms": 100.0}
                for flush in (0, 20)
                for writers in (1, 2)
            ]
        },
        "publisher": {"us_of_processor_an_event": 40.0},
        "commands": {"us_of_processor_a_command": 180.0, "us_of_postgresql_a_command": 50.0},
        "workers": {
            "connections": {"1": 10},
            "projectors": {"projectors_1": {"processor_us_per_event": 20.0, "postgresql_us_per_event": 10.0}},
        },
        "growth": {"microseconds": {"10,000 events": {}, "1,000,000 events": cost}},
    }
    names = ("initiate", "update with a key", "get", "validate")
    return PerformanceResults(
        made="2026-11-28T10:00:00+00:00",
        commit="abc1234",
        machine={},
        rounds=1,
        others=0.0,
        turns={name: [TURN] for name in names},
        targets=[],
        skipped={},
        sections={name: section for name, section in sections.items() if name not in left_out},
    )


SOAK = SoakResults(
    "2026-11-28T09:00:00+00:00",
    "abc1234",
    30.0,
    30.0,
    [MemorySample(1.0, "under load", process, 160.0) for process in ("serve", "work all")],
)


def test_costs_of_a_checkout_are_the_sums_of_its_calls_with_what_loading_adds() -> None:
    warm = measured_costs(results(), SOAK, replace(ASSUMED, cold=0.0))
    assert warm.api_us == pytest.approx(100 * (1 + 5 + 4 + 1))
    cold = measured_costs(results(), SOAK, ASSUMED)
    assert cold.api_us - warm.api_us == pytest.approx(50 * (5 + 4 + 1))
    assert cold.calls_postgresql_us == pytest.approx(10 * 11 + 5 * 10)
    assert cold.append_us == 20.0
    assert cold.publisher_us == pytest.approx(440)
    assert cold.workers_postgresql_us == pytest.approx(50 + 110)
    assert cold.wal_bytes == 7_000 + 5 * 3_000 + 5_000 + 2_000 + 8 * 4_000
    assert cold.live_bytes == pytest.approx(100 * 11 + 300)
    assert cold.state_bytes == 3_000


def test_a_missing_measurement_is_named_with_its_command() -> None:
    with pytest.raises(MissingSection, match=r"benchmarks\.storage \| .* add 'storage'"):
        measured_costs(results(storage=None), SOAK, ASSUMED)


def test_the_page_fills_all_of_its_template() -> None:
    text = scaling_page(results(), Path("benchmarks/results/some.json"), SoakFile(Path("soak.json"), SOAK), ASSUMED)
    assert "{" not in text.replace("{max", "")
    assert "| updates a second at the peak | 1,000 | 10,000 | 100,000 |" in text


def test_api_processes_are_those_of_a_cell_times_cells() -> None:
    text = scaling_page(results(), Path("benchmarks/results/some.json"), SoakFile(Path("soak.json"), SOAK), ASSUMED)
    all_of_it = PlannedLoad(100_000, measured_costs(results(), SOAK, ASSUMED), ASSUMED)
    cell = all_of_it.of_a_cell(all_of_it.cells)
    (row,) = (line for line in text.splitlines() if line.startswith("| API processes, all cells |"))
    assert cell.api_processes * all_of_it.cells > all_of_it.api_processes
    assert row.endswith(f"| {cell.api_processes * all_of_it.cells:,} |")


def test_the_page_says_what_was_not_measured_of_the_publisher() -> None:
    text = scaling_page(results(), Path("benchmarks/results/some.json"), SoakFile(Path("soak.json"), SOAK), ASSUMED)
    assert "Notes on measurements: what the publisher takes of PostgreSQL was not measured" in text
