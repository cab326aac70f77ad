"""What a soak run says of its samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from benchmarks.performance.soak_results import LOADED, MemorySample, SoakResults, latest_soak

MINUTE = 60.0


def results(made: str = "2026-11-28T10:00:00+00:00", **processes: Callable[[float], float]) -> SoakResults:
    """An hour of load; each process by its MB at each minute."""
    samples = [
        MemorySample(minute * MINUTE, LOADED, name.replace("_", " "), held(minute))
        for minute in range(61)
        for name, held in processes.items()
    ]
    return SoakResults(made, made[11:13], 60.0, 50.0, samples)


def test_growth_is_that_of_the_last_two_thirds_in_megabytes_an_hour() -> None:
    run = results(serve=lambda minute: 100 + 5 * min(minute, 20), work_all=lambda minute: 100 + minute / 2)
    assert round(run.growth("serve"), 6) == 0
    assert round(run.growth("work all"), 6) == 30


def test_a_process_of_the_service_that_grows_fails_the_run_and_a_server_does_not() -> None:
    run = results(
        serve=lambda minute: 200 + minute % 3,
        work_all=lambda minute: 200 + minute * 11 / 60,
        PostgreSQL=lambda minute: 200 + minute,
    )
    assert [*run.grown] == ["work all"]


def test_a_run_that_was_stopped_is_kept_and_not_shown(tmp_path: Path) -> None:
    finished = results(serve=lambda _: 200.0)
    finished.write(tmp_path)
    replace(results("2026-11-28T11:00:00+00:00", serve=lambda _: 100.0), finished=False).write(tmp_path)
    latest = latest_soak(tmp_path)
    assert latest is not None
    assert latest.results == finished
    assert len([*tmp_path.iterdir()]) == 2
