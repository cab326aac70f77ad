"""Counts requests, at a cost of a microsecond each."""

from __future__ import annotations

from adapters.metrics.process_metrics import COMMANDS, HTTP_REQUESTS, HTTP_SECONDS, CommandKind, outcome_label
from adapters.metrics.tallies import Count, Durations

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Callers may send any other word; a series for each would be too many."""

_COMMANDS: dict[str, CommandKind] = {
    "/partner/checkout/initiate": "initiate",
    "/partner/checkout/update": "update",
    "/partner/checkout/validate/{id}": "validate",
    "/partner/checkout/cancel/{id}": "cancel",
}


class RequestMetrics:
    """Counts responses by method, route and status, and commands by their outcome."""

    def __init__(self) -> None:
        self.answered = 0
        self._bound: dict[tuple[str, str, int], tuple[Count, Durations, Count | None]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one response."""
        key = (method, route, status)
        responses, durations, commands = self._bound.get(key) or self._bind(*key)
        self.answered += 1
        responses.value += 1
        durations.observe(seconds)
        if commands is not None:
            commands.value += 1

    def _bind(self, method: str, route: str, status: int) -> tuple[Count, Durations, Count | None]:
        """Looks up the series once."""
        label = method if method in _METHODS else "other"
        command = _COMMANDS.get(route)
        series = (
            HTTP_REQUESTS.labels(label, route, str(status)),
            HTTP_SECONDS.labels(label, route),
            COMMANDS.labels(command, "http", outcome_label(status)) if command is not None else None,
        )
        if label == method:
            self._bound[method, route, status] = series
        return series
