from __future__ import annotations

import pytest

from domain.operators.status.rate_meter import RateMeter


class RateClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_needs_two_samples() -> None:
    clock = RateClock()
    rate = RateMeter(clock)
    assert rate.at(7) is None
    clock.now += 2
    assert rate.at(27) == 10.0


def test_a_rate_covers_only_its_window() -> None:
    clock = RateClock()
    rate = RateMeter(clock, window=10)
    count = 0
    for growth in (1000, *[10] * 10):
        count += growth
        rate.at(count)
        clock.now += 2
    assert rate.at(count) == pytest.approx(4.0, abs=1.0)
    clock.now += 60
    assert rate.at(count) == pytest.approx(0, abs=0.5)
