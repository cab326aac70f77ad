"""Money, times, durations and counts as text for people: in the console, on terminals and in messages.

Times are in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

NOTHING = "–"
"""Stands where there is no value."""

THIN_SPACE = "\u202f"


def format_money(money: Mapping[str, Any] | None) -> str:
    """The JSON of an amount or a price as text: `9.90 EUR`, `9.90 EUR per month`."""
    if not money:
        return NOTHING
    interval = money.get("interval")
    once = f"{money['amount']} {money['currency']}"
    return once if interval is None else f"{once} per {format_interval(interval)}"


def format_totals(totals: Iterable[Mapping[str, Any]]) -> str:
    """The JSON of an order's `totals` as text: `5.00 EUR + 9.90 EUR per month`."""
    return " + ".join([format_money(total) for total in totals]) or NOTHING


def format_order_total(order: Mapping[str, Any]) -> str | None:
    """What an order comes to, from its JSON: `9.90 EUR`, `1.2345 KWD, payable 1.235 KWD`,
    `5.00 EUR + 9.90 EUR per month`. None for an order without lines, or with an unpriced one."""
    if not order["totals"] or any(line["price"] is None for line in order["orderItems"]):
        return None
    total, payable = order["total"], order["payable"]
    if total is not None and Decimal(total["amount"]) != Decimal(payable["amount"]):
        return f"{format_totals(order['totals'])}, payable {format_money(payable)}"
    return format_totals(order["totals"])


def is_money(value: object) -> bool:
    """Whether a JSON value is an amount with its currency, or a price."""
    return isinstance(value, Mapping) and value.keys() in ({"amount", "currency"}, {"amount", "currency", "interval"})


def format_interval(interval: str) -> str:
    """An ISO 8601 duration of calendar units as text after "per": `month`, `3 months`, `1 year 6 months`."""
    parts = [(count, _UNITS[unit]) for count, unit in interval_parts(interval)]
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1]
    return " ".join([count_noun(count, unit) for count, unit in parts])


def interval_parts(interval: str) -> list[tuple[int, str]]:
    """The counts of an ISO 8601 duration of calendar units, each with its unit: `Y`, `M`, `W` or `D`."""
    return [(int(count), unit) for count, unit in _INTERVAL_PART.findall(interval)]


_INTERVAL_PART = re.compile(r"([0-9]+)([YMWD])")
_UNITS = {"Y": "year", "M": "month", "W": "week", "D": "day"}


def format_time(
    at: datetime,
    timespec: Literal["minutes", "seconds", "milliseconds", "auto"] = "seconds",
    separator: str = "T",
) -> str:
    """RFC 3339 in UTC, such as `2026-11-24T05:42:09Z`. `auto`: with microseconds where there are any."""
    return at.astimezone(UTC).isoformat(separator, timespec).replace("+00:00", "Z")


def format_date_time(at: datetime | None) -> str:
    """To the second, for reading: `24 Nov 2026, 05:42:09`."""
    return NOTHING if at is None else f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S}"


def format_duration(seconds: float | None) -> str:
    """In the two largest units: `250 ms`, `4.3 s`, `1 min 1 s`, `1 d 1 h`."""
    if seconds is None:
        return NOTHING
    seconds = max(0.0, seconds)
    if seconds < 0.001:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = timedelta(seconds=round(seconds))
    hours, minutes = whole.seconds // 3600, whole.seconds % 3600 // 60
    if whole.days:
        return f"{whole.days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole.seconds % 60} s"


def format_age(seconds: float) -> str:
    """In the largest unit: `4 s`, `3 min`, `2 h`, `5 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds / length)} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def format_number(value: float | None, separator: str = THIN_SPACE) -> str:
    """With a separator between thousands; small fractions keep one decimal."""
    if value is None:
        return NOTHING
    if isinstance(value, float) and value < 100 and value != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}".replace(",", separator)


def count_noun(count: int, noun: str, plural: str | None = None, separator: str = ",") -> str:
    """A count with its noun: `1 event`, `1,200 events`."""
    return f"{format_number(count, separator)} {noun if count == 1 else plural or noun + 's'}"
