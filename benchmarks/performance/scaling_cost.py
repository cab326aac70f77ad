"""What a million checkouts cost, by the prices of the assumptions."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.performance.capacity import GB, MB
from benchmarks.performance.scaling_inputs import Assumptions, MeasuredCosts

CHECKOUTS = 1e6
COPIES = 2
"""Of PostgreSQL: the primary and its standby, equal machines."""
MONTHS = 12


@dataclass(frozen=True, slots=True)
class CostItem:
    """How much of what, at which price, in euro."""

    what: str
    amount: float
    unit: str
    price: float
    how: str

    @property
    def euro(self) -> float:
        return self.amount * self.price


def costs_of_a_million(costs: MeasuredCosts, assumed: Assumptions) -> list[CostItem]:
    """Machines that stand for the peak are paid at all times."""
    paid = assumed.peak / assumed.used
    workers_us = costs.command_us + costs.publisher_us + costs.projector_us
    postgresql_us = costs.calls_postgresql_us + costs.workers_postgresql_us
    broker_seconds = CHECKOUTS * costs.topic_bytes * assumed.replicas / MB / assumed.broker_mb
    broker_hours = broker_seconds * assumed.broker_cores * assumed.peak / 3600

    def hours(us: float) -> float:
        return CHECKOUTS * us / 1e6 / 3600

    def gigabytes(bytes_of_one: float) -> float:
        return CHECKOUTS * bytes_of_one / GB

    held_months = assumed.archive_days / 30
    database = costs.live_bytes * held_months + costs.answer_bytes / 30 + costs.kept_bytes * MONTHS
    others = costs.state_bytes * held_months + costs.verdict_bytes
    crossing = costs.topic_bytes * (assumed.replicas - 1 + assumed.groups) + costs.wal_bytes * assumed.page_images
    core, disk = ("core-hours", assumed.core_hour), ("GB-months", assumed.ssd_month)
    return [
        CostItem("API", hours(costs.api_us) * paid, *core, f"{costs.api_us:,.0f} µs × peak ÷ used"),
        CostItem("workers", hours(workers_us) * paid, *core, f"{workers_us:,.0f} µs × peak ÷ used"),
        CostItem(
            "PostgreSQL, two machines",
            hours(postgresql_us) * paid * COPIES,
            *core,
            f"{COPIES} × {postgresql_us:,.0f} µs × peak ÷ used",
        ),
        CostItem("Kafka's brokers", broker_hours, *core, "MB × replicas ÷ broker_mb × broker_cores × peak"),
        CostItem(
            "PostgreSQL's disks",
            gigabytes(database) * COPIES,
            *disk,
            f"{COPIES} copies: live ones for archive_days, answers for a day, what is kept for {MONTHS} months",
        ),
        CostItem(
            "Kafka's disks: events",
            gigabytes(costs.event_bytes) * assumed.replicas * MONTHS,
            *disk,
            f"replicas × {MONTHS} months of the first year",
        ),
        CostItem(
            "Kafka's disks: states and verdicts",
            gigabytes(others) * assumed.replicas,
            *disk,
            "replicas × one state for archive_days, the verdict for 30 days",
        ),
        CostItem(
            "the archive",
            gigabytes(costs.archived_bytes) * MONTHS,
            "GB-months",
            assumed.file_month,
            f"{MONTHS} months of the first year",
        ),
        CostItem(
            "between zones",
            gigabytes(crossing),
            "GB",
            assumed.transfer,
            "topics × (replicas − 1 + groups), and the write-ahead log once",
        ),
    ]
