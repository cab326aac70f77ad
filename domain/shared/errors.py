"""What can go wrong, as facts; how it is told to HTTP callers stands in one table in `adapters/contract`.

CheckoutError
├── Refused                      the command changed nothing, and the caller can act on it
│   ├── BasketNotFound           no such basket, or another organisation's
│   ├── BasketFinished           completed or expired baskets take no changes
│   ├── InvalidCommand           with one violation for each thing that is wrong
│   ├── ExternalIdInUse          another open basket of the organisation holds it
│   ├── VersionMismatch          the caller asked for another version than the basket has
│   ├── BasketExists             the caller asked for nothing where the basket is there, or at this version
│   └── VersionConflict          other writers kept winning; a later try may do
├── IdempotencyError                  about idempotency keys
│   ├── KeyReused                the key came before with another request
│   ├── RequestInProgress        the first request with this key still runs
│   └── AnsweredElsewhere        another process answered this key in between
└── Unavailable                  a part we need is away; nothing was acknowledged
    ├── StoreUnavailable
    ├── BrokerUnavailable
    ├── BrokerRefused            Kafka answers, and refuses until somebody changes something
    └── LeadershipLost           the role is another process's, or may be
"""

from __future__ import annotations

from dataclasses import dataclass


class CheckoutError(Exception):
    """Root of everything this service raises on purpose."""


class CommandRejected(CheckoutError):
    """The command was refused and changed nothing."""


class BasketNotFound(CommandRejected):
    def __init__(self, basket_id: str) -> None:
        super().__init__(f"there is no basket {basket_id}")
        self.basket_id = basket_id


class BasketFinished(CommandRejected):
    def __init__(self, basket_id: str, status: str) -> None:
        super().__init__(f"basket {basket_id} is {status}")
        self.basket_id = basket_id
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
        self.basket_id = basket_id
        self.actual = actual


class BasketExists(CommandRejected):
    def __init__(self, basket_id: str, version: int) -> None:
        super().__init__(f"basket {basket_id} is there, at version {version}")
        self.basket_id = basket_id
        self.version = version


class IdempotencyError(CheckoutError):
    """About an idempotency key."""


class KeyReused(IdempotencyError):
    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key} came before with another request")
        self.key = key


class RequestInProgress(IdempotencyError):
    def __init__(self, key: str) -> None:
        super().__init__(f"what becomes of the idempotency key {key} is not decided yet")
        self.key = key


class AnsweredElsewhere(IdempotencyError):
    def __init__(self, subject: str) -> None:
        super().__init__(f"another process answered the idempotency key of {subject} in between")


class Unavailable(CheckoutError):
    """A part that we need is away. Nothing was acknowledged; trying again is safe."""

    retry_after_seconds = 1


class StoreUnavailable(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"the event store is unavailable: {why}")


class StoreForbidden(CheckoutError):
    """The store does not let this process do it: what stands in the message is a matter of its settings."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the database's role may not do this ({why}): operators' commands, the operator API and the console sign in"
            " by CHECKOUT_OPERATOR_DATABASE_URL, else by CHECKOUT_DATABASE_URL"
        )


class BrokerUnavailable(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"Kafka is unavailable: {why}")


class BrokerRefused(Unavailable):
    """Kafka is there, or could be asked, and refuses. Trying again helps once somebody changed what `why` names."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Kafka: {why}")


class LeadershipLost(Unavailable):
    def __init__(self, role: str, why: str) -> None:
        super().__init__(f"the role {role} is no longer held: {why}")
        self.role = role
