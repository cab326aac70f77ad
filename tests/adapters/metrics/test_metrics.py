from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from adapters.metrics import process_metrics
from adapters.metrics.service_metrics import METRICS, metrics_route, service_exposition
from domain.operators.dead_letters.model import DeadLetterCount
from domain.operators.status.lag import LagLimits
from domain.operators.status.model import (
    Backlog,
    EventPartition,
    RoleLock,
    ServiceProcess,
    ServiceStatus,
    StatusReadings,
    WorkerReport,
)
from domain.operators.status.service_status import HealthPolicy, StatusService, evaluate
from domain.shared.errors import StoreUnavailable
from tests.domain.operators.status.test_group_lags import measured
from tests.domain.operators.status.test_service_status import NOON, ROLE, ago, recorded
from workers import catalogue, consistency_sampler

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "operations" / "status.md"

BUSY = StatusReadings(
    NOON,
    [
        recorded(position=7, role=ROLE, rate=5.0),
        recorded("projector", heard=30, measured=30, position=3, lag=(2, 1.0)),
        recorded("expiry", condition="stopped"),
    ],
    [Backlog("publisher", ROLE, 7, 9, 2, 1.5, arriving=3.0), Backlog("projector", None, None, None, 4, 2.5)],
    [RoleLock(ROLE, "a")],
    groups=[
        measured(messages=120, members=2, oldest_at=ago(40), uncommitted=1),
        measured("no-members", "order-cache", topic="checkout.baskets.v1", messages=0),
        measured("missing", "ordre-service", topic=None, unknown="it committed nothing"),
    ],
    groups_measured_at=ago(1),
    event_partitions=[EventPartition(name="events_2026_11", begins=NOON, ends=ago(-864_000), events=9, bytes=8192)],
)


class Known:
    """WorkerStatusStore that are always the same; away where there are none."""

    def __init__(self, readings: StatusReadings | None) -> None:
        self._readings = readings

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        raise NotImplementedError

    async def read(self) -> StatusReadings:
        if self._readings is None:
            raise StoreUnavailable("away")
        return self._readings

    async def clear_away(self, older_than: float) -> int:
        raise NotImplementedError


def status() -> ServiceStatus:
    return evaluate(BUSY, HealthPolicy(("publisher", "catalogue")))


class Told:
    """The samples of an exposition."""

    def __init__(self, text: str) -> None:
        self.families = [*text_string_to_metric_families(text)]

    def of(self, name: str, **labels: str) -> float | None:
        """The value of one sample; None where there is no such."""
        for family in self.families:
            for sample in family.samples:
                if (sample.name, sample.labels) == (name, labels):
                    return sample.value
        return None

    def labels(self) -> dict[str, set[str]]:
        """Our metrics, each with the names of its labels."""
        found: dict[str, set[str]] = {}
        for family in self.families:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            if name.startswith("checkout_"):
                found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
        return found


def listed(page: Path) -> dict[str, set[str]]:
    """The metrics that a page lists, with the names of their labels."""
    rows = re.findall(r"^\| `(checkout_[a-z_]+)` \|([^|]*)\|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: set(re.findall(r"`([a-z]+)`", labels)) for name, labels in rows}


async def two_letters() -> Sequence[DeadLetterCount]:
    return [DeadLetterCount(topic="checkout.orders.v1", code="not_an_order", count=2)]


async def scraped(readings: StatusReadings | None) -> str:
    app = Starlette(routes=[metrics_route(StatusService(Known(readings), HealthPolicy()), two_letters)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://process") as client:
        answer = await client.get(METRICS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def test_dead_and_missing_workers_are_down_and_stopped_ones_are_left_out() -> None:
    told = Told(service_exposition(status()).decode())
    assert told.of("checkout_worker_up", worker="publisher", instance="a", host="host-a") == 1
    assert told.of("checkout_worker_up", worker="projector", instance="a", host="host-a") == 0
    assert told.of("checkout_worker_up", worker="catalogue", instance="", host="") == 0
    assert told.of("checkout_worker_up", worker="expiry", instance="a", host="host-a") is None
    assert told.of("checkout_workers_running", worker="projector") == 0
    last_beat = "checkout_worker_last_beat_timestamp_seconds"
    assert told.of(last_beat, worker="projector", instance="a", host="host-a") == (
        datetime(2026, 11, 24, 11, 59, 30, tzinfo=UTC).timestamp()
    )


def test_the_lag_is_reported_for_each_kind_of_worker_and_each_role() -> None:
    told = Told(service_exposition(status()).decode())
    assert told.of("checkout_worker_lag_events", worker="publisher", role=ROLE) == 2
    assert told.of("checkout_worker_lag_seconds", worker="publisher", role=ROLE) == 1.5
    assert told.of("checkout_worker_lag_seconds", worker="projector", role="") == 2.5
    assert told.of("checkout_worker_lag_seconds", worker="catalogue", role="") is None
    assert told.of("checkout_role_held", role=ROLE, instance="a") == 1
    assert told.of("checkout_event_partition_bytes", partition="events_2026_11") == 8192
    assert told.of("checkout_problems") == 4


def test_the_lag_of_consumer_groups_is_reported_where_it_is_known() -> None:
    told = Told(service_exposition(evaluate(BUSY, HealthPolicy(limits=LagLimits(seconds=30)))).decode())
    order_service = {"group": "order-service", "topic": "checkout.basket-events.v1"}
    assert told.of("checkout_group_lag_messages", **order_service) == 120
    assert told.of("checkout_group_lag_seconds", **order_service) == 40
    assert told.of("checkout_group_behind", **order_service) == 1
    assert told.of("checkout_group_members", **order_service) == 2
    assert told.of("checkout_group_uncommitted_partitions", **order_service) == 1
    order_cache = {"group": "order-cache", "topic": "checkout.baskets.v1"}
    assert told.of("checkout_group_lag_seconds", **order_cache) == 0
    assert told.of("checkout_group_members", group="ordre-service", topic="") is None


async def test_a_process_reports_its_counters_even_while_postgresql_is_down() -> None:
    told = Told(await scraped(None))
    assert told.of("checkout_status_known") == 0
    assert told.of("checkout_events_appended_total") is not None
    assert {"checkout_worker_up", "checkout_dead_letters"}.isdisjoint(told.labels())
    assert Told(await scraped(BUSY)).of("checkout_status_known") == 1


async def test_waiting_dead_letters_are_reported_by_topic_and_code() -> None:
    told = Told(await scraped(BUSY))
    assert told.of("checkout_dead_letters", topic="checkout.orders.v1", code="not_an_order") == 2


ALL_METRICS = (process_metrics, catalogue, consistency_sampler)
"""Modules that define metrics: each must be imported, so that its metrics are on the page."""


async def test_every_metric_and_its_labels_are_documented() -> None:
    process_metrics.COMMANDS.labels("update", "http", "done")
    process_metrics.HTTP_REQUESTS.labels("PUT", "/partner/checkout/update", "200")
    process_metrics.HTTP_REFUSED.labels("url")
    process_metrics.ORDERS.labels("completed")
    process_metrics.HTTP_SECONDS.labels("PUT", "/partner/checkout/update")
    told = Told(await scraped(BUSY)).labels()
    assert {name: told.get(name) for name in listed(PAGE)} == listed(PAGE)
    everywhere = {name for page in PAGE.parent.glob("*.md") for name in listed(page)}
    assert told.keys() - everywhere == set()
