"""How much waits for the workers of the service, and for the consumer groups of order services."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from domain.shared.eventsourcing import Value

LagTrend = Literal["catching-up", "keeping-pace", "falling-back", "standing-still"]
"""Whether a lag shrinks, stays, grows, or nothing of it is handled at all."""


class WorkerLag(Value):
    """What waits for one kind of worker, whichever process does the work."""

    worker: str
    role: str | None
    position: int | None
    end: int | None
    """The last position that exists, in the unit of `position`."""
    events: int | None
    """Null: not known at present."""
    at_least: bool
    """More may wait than `events`."""
    seconds: float | None
    rate: float
    """Events a second that all processes handle together."""
    arriving: float | None = None
    """Events a second that arrived lately; null: not known."""
    behind: bool = False
    """The lag passes its limit."""
    waits_since: AwareDatetime | None = None
    """Since when the oldest event waits; null: nothing waits, or it is not known."""
    trend: LagTrend | None = None
    """Null: nothing waits, or it is not known."""
    eta_seconds: float | None = None
    """Time until nothing waits, where it is catching up."""


class WatchedGroup(Value):
    """A consumer group whose lag is measured, on one topic, or on every topic of ours that it has committed on."""

    group: str
    topic: str | None = None


GroupCondition = Literal["reading", "rebalancing", "no-members", "missing", "unknown"]
"""How a consumer group is.

reading      it has members, and each knows its partitions
rebalancing  its members are being given their partitions
no-members   it has committed, and nobody reads as it; or its readers take partitions by themselves
missing      the brokers do not know it
unknown      they do not say
"""


class GroupMeasurement(Value):
    """What was measured of a consumer group on one topic."""

    group: str
    topic: str | None
    """Null: it has committed nothing on a topic of ours, or that is not known."""
    condition: GroupCondition
    members: int = 0
    messages: int | None = None
    """How many messages it has not committed; null: not known."""
    estimated: bool = False
    """`messages` was estimated from the offsets and from a sample."""
    oldest_at: AwareDatetime | None = None
    """The time of the oldest of these messages."""
    partitions: int = 0
    uncommitted: int = 0
    """Partitions that hold messages, and of which it has committed nothing."""
    rate: float | None = None
    """Messages a second that it commits."""
    arriving: float | None = None
    """Messages a second that arrive."""
    unknown: str | None = None
    """Why `messages` is not known."""


class GroupLag(GroupMeasurement):
    """How far a consumer group is now."""

    measured_at: AwareDatetime | None = None
    seconds: float | None = None
    """How long the oldest message has waited."""
    behind: bool = False
    """The lag passes its limit."""
    trend: LagTrend | None = None
    """Null: nothing waits, or it is not known."""
    eta_seconds: float | None = None
    """Time until nothing waits, where it is catching up."""
