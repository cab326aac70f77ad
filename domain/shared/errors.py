"""What can go wrong, as facts. The table in `adapters/wire/problems.py` says how callers are told.

CheckoutError
├── CommandRejected              the command changed nothing, and the caller can act on it
│   ├── BasketNotFound           no such basket, or another organisation's
│   │   └── BasketArchived       an operator can bring it back from the archive
│   ├── BasketFinished           completed, expired or cancelled baskets take no changes
│   ├── InvalidCommand           with one violation for each thing that is wrong
│   ├── ExternalIdInUse          another open basket of the organisation has it
│   ├── VersionMismatch          the caller expected another version
│   ├── BasketExists             the caller expected no basket, or not this version
│   └── VersionConflict          other writers won every attempt (`domain/basket/command_executor.py`)
├── IdempotencyError
│   ├── KeyReused                the key belongs to another request
│   ├── RequestInProgress        the first request with this key still runs
│   └── AnsweredElsewhere        another process answered the key in between
├── StoreForbidden               the database refuses this to the process's role
└── Unavailable                  a part that we need is away; nothing was acknowledged
    ├── StoreUnavailable
    ├── BrokerUnavailable
    ├── BrokerRefused            Kafka refuses until somebody changes something
    └── LeadershipLost           another process has the role, or may have it
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class CheckoutError(Exception):
    """Root of everything that this service raises on purpose."""


class CommandRejected(CheckoutError):
    """The command changed nothing."""


class BasketNotFound(CommandRejected):
    def __init__(self, basket_id: str) -> None:
        super().__init__(f"there is no basket {basket_id}")


class BasketArchived(BasketNotFound):
    """For operators: whoever owns the basket is told that there is none."""

    def __init__(self, basket_id: str, file: str, archived_at: datetime) -> None:
        CommandRejected.__init__(self, basket_id, file, archived_at)
        self.basket_id = basket_id
        self._words = (
            f"basket {basket_id} was archived to {file} at {archived_at:%Y-%m-%dT%H:%M:%SZ};"
            f" `checkout archive restore {basket_id}` brings it back"
        )

    def __str__(self) -> str:
        return self._words


class BasketFinished(CommandRejected):
    def __init__(self, basket_id: str, status: str) -> None:
        super().__init__(f"basket {basket_id} is {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where in the command, a stable code, and words."""

    location: tuple[str | int, ...]
    code: str
    message: str


class InvalidCommand(CommandRejected):
    """`omitted` counts further violations that are not listed."""

    def __init__(self, violations: tuple[Violation, ...], omitted: int = 0) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations
        self.omitted = omitted


class ExternalIdInUse(CommandRejected):
    def __init__(self, external_id: str) -> None:
        super().__init__(f"another open basket holds the external id {external_id}")
        self.external_id = external_id


class VersionMismatch(CommandRejected):
    def __init__(self, basket_id: str, actual: int | None) -> None:
        super().__init__(f"basket {basket_id} is at version {actual}")
        self.actual = actual


class BasketExists(CommandRejected):
    def __init__(self, basket_id: str, version: int) -> None:
        super().__init__(f"basket {basket_id} is there, at version {version}")
        self.version = version


class IdempotencyError(CheckoutError):
    """About an idempotency key."""


class KeyReused(IdempotencyError):
    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key} came before with another request")


class RequestInProgress(IdempotencyError):
    def __init__(self, key: str) -> None:
        super().__init__(f"what becomes of the idempotency key {key} is not decided yet")


class AnsweredElsewhere(IdempotencyError):
    def __init__(self, subject: str) -> None:
        super().__init__(f"another process answered the idempotency key of {subject} in between")


class Unavailable(CheckoutError):
    """A part that we need is away. Trying again is safe."""

    retry_after_seconds = 1


class StoreUnavailable(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"the event store is unavailable: {why}")


class StoreForbidden(CheckoutError):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"the database's role may not do this ({why}): operators' commands, the operator API and the console sign in"
            " by CHECKOUT_OPERATOR_DATABASE_URL, else by CHECKOUT_DATABASE_URL"
        )


class BrokerUnavailable(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"Kafka is unavailable: {why}")


class BrokerRefused(Unavailable):
    """Kafka refuses. Trying again helps once somebody has changed what `why` names."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Kafka: {why}")


class LeadershipLost(Unavailable):
    def __init__(self, role: str, why: str) -> None:
        super().__init__(f"the role {role} is no longer held: {why}")
