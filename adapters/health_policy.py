"""What the settings say about health: which workers must run, and how far they may be behind."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.settings import Settings
from domain.operators.status.lag import LagLimits
from domain.operators.status.service_status import HealthPolicy


def expected_workers(settings: Settings) -> Sequence[str]:
    """The workers that must run somewhere: the API, and what `checkout work all` runs."""
    revalidator = ["revalidator"] if settings.revalidator else []
    archiver = ["archiver"] if settings.archive_after is not None else []
    watcher = ["watcher"] if settings.watched_groups else []
    always = ["api", "publisher", "projector", "catalogue", "commands", "expiry"]
    return [*always, *archiver, *revalidator, "sampler", *watcher]


def health_policy(settings: Settings) -> HealthPolicy:
    """When the service counts as healthy."""
    limits = LagLimits(
        events=settings.status_behind_events or None,
        seconds=settings.status_behind_seconds or None,
        regular_waits={"expiry": settings.expiry_interval, "revalidator": settings.revalidator_settles},
    )
    return HealthPolicy(
        expected_workers(settings),
        limits=limits,
        max_dead_letters=settings.status_dead_letters,
        watched_groups=settings.watched_groups,
    )
