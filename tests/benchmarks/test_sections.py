"""The page about performance: sections that a reader grasps, and sentences that say what is true of the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.performance.results import PerformanceResults
from benchmarks.performance.sections import section
from benchmarks.performance.summary import summary
from benchmarks.performance.targets import Turn, judge, judge_sections

COST = {"api": 100.0, "postgresql": 20.0, "wall": 900.0}
GROWTH: dict[str, Any] = {
    "rounds": 3,
    "microseconds": {
        name: {f"{call}, {state}": COST for state in ("warm", "cold") for call in ("get", "update")}
        for name in ("10,000 events", "5,000,000 events", "baskets of 10", "baskets of 1,000")
    },
    "processor_time_ratios": {
        "5,000,000 events": {"get, cold": 1.25, "get, warm": 1.0, "update, cold": 1.1, "update, warm": 1.1},
        "baskets of 1,000": {"get, cold": 1.4, "get, warm": 1.0, "update, cold": 1.1, "update, warm": 1.1},
    },
    "limits": {"5,000,000 events": 1.2, "baskets of 1,000": 1.5},
    "sizes": {"10,000 events": {"events": {"table": 1_500_000, "indexes": 100_000}}},
}
UPDATE = {"per_second": 5_000, "processor_us": 180.0, "postgresql_us": 40.0, "p50_ms": 3.0, "p99_ms": 6.0}
WORKERS: dict[str, Any] = {
    "processors": 2,
    "callers": 64,
    "rounds": 7,
    "others": 0.0,
    "api": {"update": {"1": {**UPDATE, "generator": 0.1}, "2": {**UPDATE, "per_second": 6_000, "generator": 0.2}}},
    "connections": {"1": 10, "2": 20},
    "projectors": {
        "kafka": "Apache Kafka 4.1.1 (on this machine's Java)",
        "events": 15_000,
        "projectors_1": {"events_per_second": 6_000, "processor_us_per_event": 22.0},
        "projectors_2": {"events_per_second": 6_300, "processor_us_per_event": 23.0},
    },
}
TURN = Turn(calls=100, per_second=5000.0, processor_us=200.0, postgresql_us=40.0, p50_ms=1.0, p99_ms=2.0, generator=0.1)


def test_growth_has_a_column_for_each_store_and_a_row_for_each_call_with_its_ratio() -> None:
    lines = section("growth", GROWTH).split("\n")
    at = lines.index("| call | 10,000 events | 5,000,000 events |")
    assert lines[at + 2 : at + 6] == [
        "| update, cold | 100 + 20 | 100 + 20 (**1.10**) |",
        "| get, cold | 100 + 20 | 100 + 20 (**1.25**) |",
        "| update, warm | 100 + 20 | 100 + 20 (**1.10**) |",
        "| get, warm | 100 + 20 | 100 + 20 (**1.00**) |",
    ]
    assert "| call | baskets of 10 | baskets of 1,000 |" in lines
    assert "| `events` | 1.5 (0.1) |" in lines


def test_two_processes_stand_beside_one_with_the_processors_that_each_part_took() -> None:
    text = section("workers", WORKERS)
    assert "| update, 1 API process | 5,000 | 1.00 | 0.90 | 0.20 | 0.10 | 3.0 / 6.0 |" in text
    assert "| update, 2 API processes | 6,000 | 1.20 | 1.08 | 0.24 | 0.20 | 3.0 / 6.0 |" in text
    assert "the three took 1.2 of 2 processors together with one API process, and 1.5 with two" in text
    assert "| 2 projectors | 6,300 | 23 | not measured | not measured |" in text


def test_a_section_says_when_it_was_measured_and_one_of_another_name_lists_its_figures() -> None:
    measured = {"made": "2026-11-28T10:00:00+00:00", "commit": "abc1234", "note": "on a busy machine"}
    lines = section("something", {"rate": 1234.5, "of it": {"first_part": 3}, "measured": measured}).split("\n")
    assert lines[0] == "## Something"
    assert {"| rate | 1,234 |", "| of it / first part | 3 |"} <= set(lines)
    assert "Measured on commit abc1234, 2026-11-28 10:00: on a busy machine." in lines


def test_the_dearest_call_of_a_larger_store_is_judged() -> None:
    judged = {judgement.name: judgement for judgement in judge_sections({"growth": GROWTH})}
    larger = judged["any call in a larger store beside the smallest, processor time"]
    assert (larger.value, larger.met) == (1.25, False)
    longer = judged["any call on a basket of 1,000 events beside one of 10, processor time"]
    assert (longer.value, longer.met) == (1.4, True)
    assert judged["projector, processor time of an event in µs (a third of 87)"].met is None


def test_the_summary_names_what_is_missed_and_leaves_out_what_was_not_measured() -> None:
    turns = {"update": [TURN], "get": [TURN], "hello": [replace(TURN, processor_us=80.0)]}
    results = PerformanceResults(
        made="2026-11-28T10:00:00+00:00",
        commit="abc1234",
        machine={},
        rounds=1,
        others=0.0,
        turns=turns,
        targets=judge(turns),
        skipped={},
        sections={"workers": WORKERS},
    )
    text = "\n".join(summary(results, [*results.targets, *judge_sections(results.sections)], None))
    assert "2.5 times the processor time of FastAPI's hello-world." in text
    assert (
        "**1 of 3 targets are met.** Missed: update beside hello, processor time; get beside hello, processor time."
        in text
    )
    assert "answers 1.20 times the updates" in text
    assert "projects 1.05 times the events" in text
    assert "Memory" not in text
    assert "publisher" not in text


def test_waits_for_the_lock_stand_beside_one_and_a_half_flushes_of_all_writers() -> None:
    rates = [
        {"flush_ms": flush, "writers": writers, "per_second": 1000, "postgresql_us": 20.0, "p50_ms": 70.0}
        for flush in (0, 20)
        for writers in (1, 2)
    ]
    text = section("append lock", {"callers": 64, "rounds": 1, "rates": rates})
    assert "| this machine's disk | 70 | 70 |" in text
    assert "| 20 ms more for a flush | 70 | 70 (60) |" in text
    assert "| 20 ms more for a flush | 1,000 | 1,000 |" in text
