"""The page that Prometheus reads: this process's counters, and the status of the whole service as metrics.

Every process tells the status, because a dead one cannot. Partners must not reach the page's port: its figures are for
operators.
"""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.system import release
from domain.operators.dead_letters.model import DeadLetterCount
from domain.operators.status.lag_model import GroupLag, WorkerLag
from domain.operators.status.model import RoleHolder, ServiceStatus, WorkerStatus
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

METRICS = "/metrics"

CountDeadLetters = Callable[[], Awaitable[Sequence[DeadLetterCount]]]

_WORKER_METRICS: Sequence[tuple[str, str, Callable[[WorkerStatus], float | None]]] = (
    (
        "checkout_worker_up",
        "Whether a worker's process reports and the worker sends heartbeats.",
        lambda each: each.live,
    ),
    ("checkout_worker_ready", "Whether a worker works or stands by.", lambda each: each.ready),
    (
        "checkout_worker_last_beat_timestamp_seconds",
        "When a worker sent its last heartbeat, by PostgreSQL's clock.",
        lambda each: None if each.beaten_at is None else each.beaten_at.timestamp(),
    ),
    ("checkout_worker_position", "How far a worker is, in what it reads.", lambda each: each.position),
    ("checkout_worker_rate", "What a worker handles, in events a second.", lambda each: each.rate),
    ("checkout_worker_faults", "How often a worker was run again after a fault.", lambda each: each.restarts),
)
_LAG_METRICS: Sequence[tuple[str, str, Callable[[WorkerLag], float | None]]] = (
    ("checkout_worker_lag_events", "How much waits for a kind of worker.", lambda lag: lag.events),
    (
        "checkout_worker_lag_seconds",
        "How long the oldest event has waited for a kind of worker.",
        lambda lag: lag.seconds,
    ),
    (
        "checkout_worker_behind",
        "Whether more waits for a kind of worker than its limit allows.",
        lambda lag: lag.behind,
    ),
    (
        "checkout_worker_arriving_rate",
        "What arrives for a kind of worker, in events a second.",
        lambda lag: lag.arriving,
    ),
    (
        "checkout_worker_catch_up_seconds",
        "How long a kind of worker that catches up still takes.",
        lambda lag: lag.eta_seconds,
    ),
)

_GROUP_METRICS: Sequence[tuple[str, str, Callable[[GroupLag], float | None]]] = (
    ("checkout_group_lag_messages", "How many messages a consumer group has not committed.", lambda lag: lag.messages),
    (
        "checkout_group_lag_seconds",
        "How long the oldest of these messages has waited.",
        lambda lag: 0.0 if lag.messages == 0 else lag.seconds,
    ),
    ("checkout_group_behind", "Whether a consumer group's lag passes its limit.", lambda lag: lag.behind),
    ("checkout_group_members", "How many members a consumer group has.", lambda lag: lag.members),
    (
        "checkout_group_uncommitted_partitions",
        "Partitions with messages of which a consumer group has committed nothing.",
        lambda lag: lag.uncommitted,
    ),
)


def metrics_route(status_service: StatusService, count_dead_letters: CountDeadLetters) -> Route:
    """`/metrics`: this process's counters, and the service's status where PostgreSQL answers."""

    async def metrics(_: Request) -> Response:
        try:
            service = service_exposition(await status_service.now(), await count_dead_letters())
        except Unavailable:
            service = service_exposition(None)
        return Response(
            generate_latest(REGISTRY) + service,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return Route(METRICS, metrics)


def service_exposition(status: ServiceStatus | None, dead_letters: Sequence[DeadLetterCount] | None = None) -> bytes:
    """Prometheus's text of the status; without one, only that it is not known."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_ServiceCollector(status, dead_letters))
    return generate_latest(registry)


class _ServiceCollector(Collector):
    def __init__(self, status: ServiceStatus | None, dead_letters: Sequence[DeadLetterCount] | None) -> None:
        self._status = status
        self._dead_letters = dead_letters

    def collect(self) -> Iterable[Metric]:
        build = [((release(), platform.python_version()), 1)]
        yield _gauge("checkout_build_info", "The release of this process.", ("version", "python"), build)
        known = "Whether this process could read the service's status; the metrics after it need PostgreSQL."
        yield _gauge("checkout_status_known", known, (), [((), self._status is not None)])
        if self._status is not None:
            yield from _status_metrics(self._status)
        if self._dead_letters is not None:
            counts = [((each.topic, each.code), each.count) for each in self._dead_letters]
            yield _gauge("checkout_dead_letters", "Dead letters that wait for an operator.", ("topic", "code"), counts)


def _status_metrics(status: ServiceStatus) -> Iterable[Metric]:
    # Workers that were replaced or asked to end are no news.
    workers = [each for each in status.workers if each.state not in ("replaced", "stopped")]
    for name, help, worker_value in _WORKER_METRICS:
        samples = [((w.worker, w.instance or "", w.host or ""), worker_value(w)) for w in workers]
        yield _gauge(name, help, ("worker", "instance", "host"), samples)
    live = dict.fromkeys(dict.fromkeys(each.worker for each in status.workers), 0)
    for each in status.workers:
        live[each.worker] += each.live
    running = [((name,), count) for name, count in live.items()]
    yield _gauge("checkout_workers_running", "Live processes of a kind of worker.", ("worker",), running)
    for name, help, lag_value in _LAG_METRICS:
        lags = [((lag.worker, lag.role or ""), lag_value(lag)) for lag in status.lags]
        yield _gauge(name, help, ("worker", "role"), lags)
    for name, help, group_value in _GROUP_METRICS:
        groups = [((lag.group, lag.topic or ""), group_value(lag)) for lag in status.groups if lag.unknown is None]
        yield _gauge(name, help, ("group", "topic"), groups)
    sizes = [((each.name,), each.bytes) for each in status.event_partitions]
    yield _gauge("checkout_event_partition_bytes", "The size of a partition of the events.", ("partition",), sizes)
    problems = "How many problems `checkout status` reports."
    yield _gauge("checkout_problems", problems, (), [((), len(status.problems))])
    held = "Whether a live process holds a role that one process has at a time."
    roles = [((role.role, role.instance or ""), _is_held(role)) for role in status.roles]
    yield _gauge("checkout_role_held", held, ("role", "instance"), roles)


def _is_held(role: RoleHolder) -> bool:
    return role.held and role.live is not False


def _gauge(
    name: str, help: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float | None]]
) -> Metric:
    """A gauge of these samples, without those that have no value."""
    gauge = GaugeMetricFamily(name, help, labels=labels)
    for values, value in samples:
        if value is not None:
            gauge.add_metric(values, float(value))
    return gauge
