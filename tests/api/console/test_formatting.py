"""Figures and moments in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.console.components.formatting import (
    count_text,
    duration_text,
    number_text,
    timestamp_text,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0, "0 s"),
        (-3.0, "0 s"),
        (0.25, "250 ms"),
        (4.26, "4.3 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_told_in_the_units_that_matter(seconds: float | None, words: str) -> None:
    assert duration_text(seconds) == words


def test_thousands_are_set_apart() -> None:
    assert number_text(1_234_567) == "1\u202f234\u202f567"
    assert number_text(12.34) == "12.3"
    assert number_text(None) == "–"


def test_one_is_told_as_one() -> None:
    assert [count_text(count, "event") for count in (0, 1, 2)] == ["0 events", "1 event", "2 events"]


def test_moments_are_told_to_the_second() -> None:
    assert timestamp_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2 Jan 2026, 03:04:05"
    assert timestamp_text(None) == "–"
