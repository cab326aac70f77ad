"""The data's weeks, moved so that one of them is this week: the service judges by the real clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS_BEFORE = 3
"""So many days before today the week that is now began: it neither begins nor ends while baskets are played."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When each of the data's weeks is, where `now_is_week` contains the noon of `today`."""

    now_is_week: int
    today: date

    def start(self, week: int) -> datetime:
        """Midnight, UTC. A week ends where the next one starts."""
        now_began = datetime.combine(self.today - timedelta(days=DAYS_BEFORE), time(), UTC)
        return now_began + timedelta(weeks=week - self.now_is_week)

    def contains(self, week: int, moment: datetime) -> bool:
        return self.start(week) <= moment < self.start(week + 1)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
