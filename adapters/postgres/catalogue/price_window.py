"""Which prices are read: a year of them may be said in advance, and of that a moment needs one or two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PriceWindow:
    """The moments at which somebody may look at prices, the first and the last included."""

    start: datetime
    end: datetime

    @classmethod
    def at(cls, moment: datetime | None, ahead: timedelta = timedelta()) -> PriceWindow:
        """A moment and what is shortly `ahead` of it; None is always."""
        return ALWAYS if moment is None else cls(moment, min(moment, LATEST - ahead) + ahead)

    def covers(self, other: PriceWindow) -> bool:
        return self.start <= other.start and other.end <= self.end


ALWAYS = PriceWindow(EARLIEST, LATEST)
NEVER = PriceWindow(LATEST, EARLIEST)


def covering(windows: Iterable[PriceWindow]) -> PriceWindow:
    """The smallest window that covers all of these, of which there is at least one."""
    those = [*windows]
    return PriceWindow(min(window.start for window in those), max(window.end for window in those))
