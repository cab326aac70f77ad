"""Resets the publisher's checkpoint, for an operator who restored the store to before what was published."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from domain.operators.audit import AuditLog, Operator, OperatorAction
from domain.operators.publisher_checkpoint import event_name
from domain.ports.event_store import EventFeed
from domain.ports.leadership import Leadership
from domain.ports.messaging import Publisher, PublisherCheckpoint
from domain.shared.errors import CheckoutError
from domain.shared.values import Clock, NewId

ROLE_TIMEOUT_SECONDS = 15.0
"""A publisher that meets a fault gives its role back at once, and takes it again within ten seconds."""


class NoSuchPosition(CheckoutError):
    """The store has no event at the position."""


class PublisherRunning(CheckoutError):
    """A publisher holds the role and works: nobody else may reset its checkpoint."""


@dataclass(frozen=True, slots=True)
class CheckpointChange:
    before: PublisherCheckpoint
    after: PublisherCheckpoint


class CheckpointReset:
    """Puts a publisher where an operator says."""

    def __init__(
        self,
        feed: EventFeed,
        publisher: Publisher,
        publisher_id: str,
        role: str,
        leadership: Leadership,
        audit_log: AuditLog,
        clock: Clock,
        new_id: NewId,
        role_timeout: float = ROLE_TIMEOUT_SECONDS,
    ) -> None:
        """`role` is the one that publishers hold; waits `role_timeout` seconds for it."""
        self._feed = feed
        self._publisher = publisher
        self._id = publisher_id
        self._role = role
        self._leadership = leadership
        self._audit_log = audit_log
        self._clock = clock
        self._new_id = new_id
        self._role_timeout = role_timeout

    async def reset(self, position: int, operator: Operator) -> CheckpointChange:
        """The publisher goes on with the first event after this position (0: with the first of all). Records the
        action first. Raises NoSuchPosition, PublisherRunning, StoreUnavailable and BrokerUnavailable."""
        checkpoint = await self._checkpoint_at(position)
        try:
            async with (
                asyncio.timeout(self._role_timeout) as limit,
                self._leadership.hold(self._role) as lease,
            ):
                limit.reschedule(None)
                async with self._publisher.session() as session:
                    change = CheckpointChange(session.published, checkpoint)
                    await self._audit_log.record(self._action(change, operator))
                    await lease.confirm()
                    await session.go_on_after(checkpoint)
                    return change
        except TimeoutError as error:
            raise PublisherRunning(f"a publisher holds {self._role} and works: stop it first") from error

    async def _checkpoint_at(self, position: int) -> PublisherCheckpoint:
        if position == 0:
            return PublisherCheckpoint()
        for event in await self._feed.read(position - 1, 1):
            if event.position == position:
                return PublisherCheckpoint(position, event_name(event))
        raise NoSuchPosition(f"the store has no event at position {position}")

    def _action(self, change: CheckpointChange, operator: Operator) -> OperatorAction:
        return OperatorAction(
            id=self._new_id(),
            type="operations.publisher-put-back.v1",
            operator=operator,
            scope={
                "publisher": self._id,
                "from": change.before.position,
                "fromEvent": change.before.event,
                "to": change.after.position,
                "toEvent": change.after.event,
            },
            occurred_at=self._clock(),
        )
