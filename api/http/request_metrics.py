"""Counts requests, for a few millionths of a second each."""

from __future__ import annotations

from collections.abc import Callable

from adapters.metrics.process_metrics import (
    COMMANDS,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    CommandKind,
    outcome_label,
)

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Anyone may send any other word; a series for each would be too many."""

_KINDS: dict[str, CommandKind] = {
    "/partner/checkout/initiate": "initiate",
    "/partner/checkout/update": "update",
    "/partner/checkout/validate/{id}": "validate",
}
"""The routes that carry out commands."""

Count = Callable[[], None]


class RequestMetrics:
    """What the API answered: by method, route and status, and its commands by how they ended."""

    def __init__(self) -> None:
        self.answered = 0
        self._bound: dict[tuple[str, str, int], tuple[Count, Callable[[float], None], Count | None]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        key = (method, route, status)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bind(*key)
        answered, took, command = bound
        self.answered += 1
        answered()
        took(seconds)
        if command is not None:
            command()

    def _bind(
        self, method: str, route: str, status: int
    ) -> tuple[Count, Callable[[float], None], Count | None]:
        named = method if method in _METHODS else "other"
        kind = _KINDS.get(route)
        bound = (
            HTTP_REQUESTS.labels(named, route, str(status)).inc,
            HTTP_SECONDS.labels(named, route).observe,
            COMMANDS.labels(kind, "http", outcome_label(status)).inc if kind is not None else None,
        )
        if named == method:
            self._bound[method, route, status] = bound
        return bound
