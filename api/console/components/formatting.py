"""Figures and moments as the console tells them. Times are UTC, as the page says once."""

from __future__ import annotations

from datetime import datetime, timedelta


def timestamp_text(at: datetime | None) -> str:
    """To the second, and without the date where it is today's reader's anyway: `24 Nov 2026, 05:42:09`."""
    return "–" if at is None else f"{at:%-d %b %Y, %H:%M:%S}"


def exact_timestamp(at: datetime | None) -> str:
    return "" if at is None else at.isoformat().replace("+00:00", "Z")


def time_ago(at: datetime | None, now: datetime) -> str:
    return "never" if at is None else f"{duration_text((now - at).total_seconds())} ago"


def duration_text(seconds: float | None) -> str:
    """In the two largest units that matter."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 0.001:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = timedelta(seconds=round(seconds))
    days, rest = whole.days, whole.seconds
    hours, minutes = rest // 3600, rest % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest % 60} s"


def number_text(value: float | None) -> str:
    """With thin spaces between the thousands."""
    if value is None:
        return "–"
    if isinstance(value, float) and value < 100 and value != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}".replace(",", "\u202f")


def count_text(count: int, one: str, many: str | None = None) -> str:
    return f"{number_text(count)} {one if count == 1 else many or one + 's'}"


def short_id(basket_id: str) -> str:
    """The end of a basket's id, where ids of one moment differ."""
    return f"…{basket_id[-12:]}"
