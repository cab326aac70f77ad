"""Where a publisher goes on, said by an operator: after the store was restored to before what was published."""

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
    """A publisher holds the role, and works: nobody else may say where it is."""


@dataclass(frozen=True, slots=True)
class CheckpointChange:
    """Where the publisher was by its record, and where it goes on."""

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
        actions: AuditLog,
        clock: Clock,
        new_id: NewId,
        role_within: float = ROLE_TIMEOUT_SECONDS,
    ) -> None:
        """`role` is the one that publishers hold; it is waited for `role_within` seconds."""
        self._feed = feed
        self._publisher = publisher
        self._id = publisher_id
        self._role = role
        self._leadership = leadership
        self._actions = actions
        self._clock = clock
        self._new_id = new_id
        self._role_within = role_within

    async def after(self, position: int, operator: Operator) -> CheckpointChange:
        """The publisher's next event is the first after this position (0: the first of all). It is recorded as an
        action before it is done. Raises NoSuchPosition, PublisherRunning, StoreUnavailable, BrokerUnavailable."""
        put = await self._event_at(position)
        try:
            async with (
                asyncio.timeout(self._role_within) as limit,
                self._leadership.hold(self._role) as lease,
            ):
                limit.reschedule(None)
                async with self._publisher.session() as session:
                    before = session.published
                    await self._actions.record(self._action(CheckpointChange(before, put), operator))
                    await lease.confirm()
                    await session.go_on_after(put)
                    return CheckpointChange(before, put)
        except TimeoutError as error:
            raise PublisherRunning(f"a publisher holds {self._role} and works: stop it first") from error

    async def _event_at(self, position: int) -> PublisherCheckpoint:
        if position == 0:
            return PublisherCheckpoint()
        for event in await self._feed.read(position - 1, 1):
            if event.position == position:
                return PublisherCheckpoint(position, event_name(event))
        raise NoSuchPosition(f"the store has no event at position {position}")

    def _action(self, put: CheckpointChange, operator: Operator) -> OperatorAction:
        return OperatorAction(
            id=self._new_id(),
            type="operations.publisher-put-back.v1",
            operator=operator,
            scope={
                "publisher": self._id,
                "from": put.before.position,
                "fromEvent": put.before.event,
                "to": put.after.position,
                "toEvent": put.after.event,
            },
            occurred_at=self._clock(),
        )
