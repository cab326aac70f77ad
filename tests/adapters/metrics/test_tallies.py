"""Tallies beside prometheus_client's own counters and histograms: the page says the same."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from adapters.metrics.tallies import CounterTally, HistogramTally

BOUNDS = (0.001, 0.5, 1.0, 5.0)
Sample = tuple[str, float]
samples = st.lists(st.tuples(st.sampled_from(["GET", 'P"U\nT']), st.floats(0, 10) | st.sampled_from(BOUNDS)))


@given(samples)
def test_counts_read_as_those_of_the_library(counted: Sequence[Sample]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = CounterTally("asked_total", "How many.", ["method"], ours)
    counter = Counter("asked_total", "How many.", ["method"], registry=theirs)
    for method, _ in counted:
        tally.labels(method).value += 1
        counter.labels(method).inc()
    assert generate_latest(ours) == generate_latest(theirs)


@given(samples)
def test_durations_read_as_those_of_the_library(measured: Sequence[Sample]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = HistogramTally("took_seconds", "How long.", ["method"], BOUNDS, ours)
    histogram = Histogram("took_seconds", "How long.", ["method"], buckets=BOUNDS, registry=theirs)
    for method, seconds in measured:
        tally.labels(method).observe(seconds)
        histogram.labels(method).observe(seconds)
    assert generate_latest(ours) == generate_latest(theirs)
