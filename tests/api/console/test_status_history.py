"""The samples that the charts of the overview show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from api.console.status_history import StatusHistory, StatusSample
from domain.operators.dead_letters.service import DeadLetterService
from domain.operators.status.service_status import StatusService

START = datetime(2026, 11, 27, 12, tzinfo=UTC)


def rates_of(ends: Sequence[int | None]) -> list[float]:
    """The rates of samples two seconds apart. At each the store ended at the given position."""
    history = StatusHistory(object.__new__(StatusService), object.__new__(DeadLetterService))
    for number, end in enumerate(ends):
        history.samples.append(StatusSample(START + timedelta(seconds=2 * number), {}, {}, end))
    return [rate for _, rate in history.stored_rates()]


def test_a_steady_rate_is_steady_although_reports_come_in_steps() -> None:
    """Every other sample sees the same report as the one before it."""
    ends = [6000 * (number // 2) * 2 for number in range(60)]
    settled = rates_of(ends)[10:]
    assert settled
    assert all(2400 <= rate <= 3600 for rate in settled)


def test_a_rate_follows_changes() -> None:
    rates = rates_of([0] * 10 + [1000 * number for number in range(1, 21)] + [20_000] * 10)
    assert rates[0] == 0
    assert max(rates) == 500
    assert rates[-1] == 0


def test_a_restored_store_has_no_negative_rate() -> None:
    assert min(rates_of([9000] * 8 + [100] * 8)) == 0


def test_samples_without_an_end_are_left_out() -> None:
    assert rates_of([None, 0, None, 4000, None]) == [1000]
    assert rates_of([None]) == []
    assert rates_of([]) == []
