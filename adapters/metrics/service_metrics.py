"""The status of the whole service as metrics: each process that is asked tells it, for the dead cannot."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.release import release
from domain.operators.status.model import ServiceStatus, WorkerLag, WorkerStatus

_OF_A_WORKER = ("worker", "instance", "host")
_OF_A_KIND = ("worker", "role")


def status_exposition(status: ServiceStatus | None) -> bytes:
    """Prometheus's text of the status; without one, only that it is not known."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(status))
    return generate_latest(registry)


class StatusCollector(Collector):
    """The metrics of one status."""

    def __init__(self, status: ServiceStatus | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Every metric of `docs/operations/status.md` that tells of the whole service."""
        build = GaugeMetricFamily(
            "checkout_build_info", "The release of this process.", labels=("version", "python")
        )
        build.add_metric((release(), platform.python_version()), 1)
        yield build
        known = (
            "Whether this process could find out how the service is; the metrics after it need PostgreSQL."
        )
        yield GaugeMetricFamily("checkout_status_known", known, value=float(self._status is not None))
        if self._status is not None:
            yield from _of_workers(self._status)
            yield from _of_kinds(self._status)
            yield from _of_roles(self._status)


def _of_workers(status: ServiceStatus) -> Iterable[Metric]:
    up = GaugeMetricFamily(
        "checkout_worker_up", "Whether a worker's process is heard of and it moves.", labels=_OF_A_WORKER
    )
    ready = GaugeMetricFamily(
        "checkout_worker_ready", "Whether a worker works, or stands by for it.", labels=_OF_A_WORKER
    )
    beat = GaugeMetricFamily(
        "checkout_worker_last_beat_timestamp_seconds",
        "When a worker last moved, by PostgreSQL's clock.",
        labels=_OF_A_WORKER,
    )
    position = GaugeMetricFamily(
        "checkout_worker_position", "How far a worker is, in what it reads.", labels=_OF_A_WORKER
    )
    rate = GaugeMetricFamily(
        "checkout_worker_rate", "What a worker handles, in events a second.", labels=_OF_A_WORKER
    )
    restarts = GaugeMetricFamily(
        "checkout_worker_faults", "How often a worker was run again after a fault.", labels=_OF_A_WORKER
    )
    for each in status.workers:
        # Those whose place is taken, and those that were asked to end, are no news.
        if each.state in ("replaced", "stopped"):
            continue
        labels = _labels(each)
        up.add_metric(labels, float(each.live))
        ready.add_metric(labels, float(each.ready))
        restarts.add_metric(labels, each.restarts)
        if each.beaten_at is not None:
            beat.add_metric(labels, each.beaten_at.timestamp())
        if each.position is not None:
            position.add_metric(labels, each.position)
        if each.rate is not None:
            rate.add_metric(labels, each.rate)
    yield from (up, ready, beat, position, rate, restarts)


def _of_kinds(status: ServiceStatus) -> Iterable[Metric]:
    running = GaugeMetricFamily(
        "checkout_workers_running", "Live processes of a kind of worker.", labels=("worker",)
    )
    for name in dict.fromkeys(each.worker for each in status.workers):
        running.add_metric((name,), sum(each.live for each in status.workers if each.worker == name))
    events = GaugeMetricFamily(
        "checkout_worker_lag_events", "How much waits for a kind of worker.", labels=_OF_A_KIND
    )
    seconds = GaugeMetricFamily(
        "checkout_worker_lag_seconds",
        "How long the oldest has waited of what waits for a kind of worker.",
        labels=_OF_A_KIND,
    )
    arriving = GaugeMetricFamily(
        "checkout_worker_arriving_rate",
        "What arrives for a kind of worker, in events a second.",
        labels=_OF_A_KIND,
    )
    left = GaugeMetricFamily(
        "checkout_worker_catch_up_seconds",
        "How long a kind of worker that catches up will take yet.",
        labels=_OF_A_KIND,
    )
    behind = GaugeMetricFamily(
        "checkout_worker_behind", "Whether more waits for a kind of worker than may.", labels=_OF_A_KIND
    )
    for lag in status.lags:
        behind.add_metric(_kind(lag), float(lag.behind))
        if lag.arriving is not None:
            arriving.add_metric(_kind(lag), lag.arriving)
        if lag.eta_seconds is not None:
            left.add_metric(_kind(lag), lag.eta_seconds)
        if lag.events is not None:
            events.add_metric(_kind(lag), lag.events)
        if lag.seconds is not None:
            seconds.add_metric(_kind(lag), lag.seconds)
    well = GaugeMetricFamily(
        "checkout_problems",
        "How many things are wrong, as `checkout status` says it.",
        value=len(status.problems),
    )
    yield from (running, events, seconds, behind, arriving, left, well)


def _of_roles(status: ServiceStatus) -> Iterable[Metric]:
    held = GaugeMetricFamily(
        "checkout_role_held",
        "Whether a role that one process has at a time is held by one that lives.",
        labels=("role", "instance"),
    )
    for role in status.roles:
        held.add_metric((role.role, role.instance or ""), float(role.held and role.live is not False))
    yield held


def _labels(each: WorkerStatus) -> tuple[str, ...]:
    return (each.worker, each.instance or "", each.host or "")


def _kind(lag: WorkerLag) -> tuple[str, ...]:
    return (lag.worker, lag.role or "")
