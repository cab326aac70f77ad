"""Counts requests, at a cost of a few microseconds each."""

from __future__ import annotations

from collections.abc import Callable

from adapters.metrics.process_metrics import COMMANDS, HTTP_REQUESTS, HTTP_SECONDS, CommandKind, outcome_label

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Callers may send any other word; a series for each would be too many."""

_COMMANDS: dict[str, CommandKind] = {
    "/partner/checkout/initiate": "initiate",
    "/partner/checkout/update": "update",
    "/partner/checkout/validate/{id}": "validate",
    "/partner/checkout/cancel/{id}": "cancel",
}

Count = Callable[[], None]


class RequestMetrics:
    """Counts responses by method, route and status, and commands by their outcome."""

    def __init__(self) -> None:
        self.answered = 0
        self._counters: dict[tuple[str, str, int], tuple[Count, Callable[[float], None], Count | None]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one response."""
        key = (method, route, status)
        count, time, count_command = self._counters.get(key) or self._bind(*key)
        self.answered += 1
        count()
        time(seconds)
        if count_command is not None:
            count_command()

    def _bind(self, method: str, route: str, status: int) -> tuple[Count, Callable[[float], None], Count | None]:
        """Looks up the counters' labels once, because that takes long."""
        label = method if method in _METHODS else "other"
        command = _COMMANDS.get(route)
        counters = (
            HTTP_REQUESTS.labels(label, route, str(status)).inc,
            HTTP_SECONDS.labels(label, route).observe,
            COMMANDS.labels(command, "http", outcome_label(status)).inc if command is not None else None,
        )
        if label == method:
            self._counters[method, route, status] = counters
        return counters
