"""The audit log: one record for every change that an operator makes, with who did it and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, Self

from pydantic import AwareDatetime, JsonValue, model_validator

from domain.shared.errors import InvalidCommand, Violation
from domain.shared.eventsourcing import Value
from domain.shared.values import is_storable_text

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
"""Stored names are promises: more may come, none may change."""

OperatorChannel = Literal["command-line", "api", "console"]

MAX_ACTOR_LENGTH = 255
MAX_REASON_LENGTH = 500


class Operator(Value):
    """Who acts, by which channel, and why. Raises InvalidCommand where actor or reason cannot be recorded.

    `construct_trusted` skips that check for what is recorded already.
    """

    actor: str
    """The subject of a token, or the user of a machine."""
    way: OperatorChannel
    reason: str

    @model_validator(mode="after")
    def _can_be_recorded(self) -> Self:
        validate_reason(self.reason)
        if not is_storable_text(self.actor, MAX_ACTOR_LENGTH):
            raise _not_storable("actor", f"a name has at most {MAX_ACTOR_LENGTH} characters, and no control characters")
        return self


def validate_reason(reason: str) -> str:
    """The reason without blanks around it; it may have several lines. Raises InvalidCommand where it is empty, too
    long, or holds characters that cannot be stored and shown."""
    if not reason.strip():
        raise _not_storable("reason", "say why")
    if not is_storable_text(re.sub(r"[\r\n\t]", " ", reason), MAX_REASON_LENGTH):
        raise _not_storable("reason", f"a reason has at most {MAX_REASON_LENGTH} characters, and no control characters")
    return reason.strip()


def _not_storable(field: str, why: str) -> InvalidCommand:
    return InvalidCommand((Violation(("body", field), "not_storable", why),))


class OperatorAction(Value):
    """A change that an operator made, as it is recorded."""

    id: str
    """A UUID, version 7."""
    type: ActionType
    operator: Operator
    scope: Mapping[str, JsonValue]
    """What it affected: which baskets, which topic, how many."""
    occurred_at: AwareDatetime


class AuditLog(Protocol):
    """The append-only record of operators' actions. Every method raises StoreUnavailable."""

    async def record(self, action: OperatorAction) -> None:
        """Stores the action durably. The same action (by its id) again changes nothing."""

    async def newest(self, before: datetime | None, limit: int) -> Sequence[OperatorAction]:
        """The newest actions that occurred before a moment (None: of all), newest first; at most `limit`."""
