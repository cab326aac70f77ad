"""How a case ends that does not pass."""

from __future__ import annotations

from cli.conformance.exchange import Exchange


class Deviation(Exception):
    """Something came that was not expected. `exchange` is where it came; None: the last exchange of the case."""

    def __init__(self, expected: str, came: str, exchange: Exchange | None = None) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected = expected
        self.came = came
        self.exchange = exchange


class CaseSkipped(Exception):
    """The case finds out that it can say nothing here; the message is the reason."""


class CaseNotRun(Exception):
    """The case cannot go on, and nothing is known of its line; the message is the reason."""
