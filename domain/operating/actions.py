"""What operators change. Every such action leaves an event of its own: who, why, what it was about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime, JsonValue

from domain.base import Value

ActionType = Literal[
    "operations.rebuild-started.v1",
    "operations.rebuild-switched.v1",
    "operations.rebuild-cancelled.v1",
    "operations.rebuild-rolled-back.v1",
    "operations.rebuild-dropped.v1",
    "operations.views-repaired.v1",
    "operations.publisher-put-back.v1",
    "operations.history-republished.v1",
    "operations.dead-letter-retried.v1",
    "operations.dead-letter-skipped.v1",
    "operations.personal-data-forgotten.v1",
]
"""Stored names are promises: they may be added to, never changed."""

Way = Literal["command-line", "api", "console"]
"""How an operator came in."""


class Operator(Value):
    """Who acts, in the words of a token's subject or of the machine's user, by which way, and why."""

    actor: str
    way: Way
    reason: str


class OperatorAction(Value):
    """An action that changed something, as it is recorded."""

    id: str
    """A UUID, version 7."""
    type: ActionType
    operator: Operator
    scope: Mapping[str, JsonValue]
    """What it was about: which baskets, which topic, how many."""
    occurred_at: AwareDatetime


class OperatorActions(Protocol):
    """The append-only record of operators' actions."""

    async def record(self, action: OperatorAction) -> None:
        """Stores the action durably; the same one (by its id) again changes nothing. Raises
        StoreUnavailable."""

    async def newest(self, before: datetime | None, limit: int) -> Sequence[OperatorAction]:
        """The newest actions that occurred before a moment (None: of all), at most `limit`, newest first."""
