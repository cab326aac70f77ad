"""What processes report about their workers, what PostgreSQL knows, and the service's status that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.operators.status.lag_model import GroupLag, GroupMeasurement, WorkerLag
from domain.shared.eventsourcing import Value

ReportedCondition = Literal["starting", "working", "standing-by", "failing", "stopped"]
"""How a worker reports itself. `failing`: it met a fault and is run again; `stopped`: its process ended as asked."""

WorkerCondition = Literal[
    "starting", "working", "standing-by", "failing", "stopped", "standing-still", "dead", "replaced", "absent"
]
"""How a worker is. Beyond what it reports itself:

standing-still  stalled: its process reports, but the worker has sent no heartbeat for too long
dead            its process has not reported for too long
replaced        dead, and another process took its place
absent          missing: no process of that worker ever reported, or none since long ago
"""


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A process of the service; `instance` is its UUID."""

    instance: str
    host: str
    pid: int
    release: str


@dataclass(frozen=True, slots=True)
class LagMeasurement:
    """A worker's position, the events that wait after it, and how long the oldest of them has waited; measured
    `age_seconds` ago."""

    position: int | None = None
    lag_events: int | None = None
    lag_seconds: float | None = None
    age_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a process reports about one worker. Times are seconds before the report: only PostgreSQL's clock is shared.

    `rate` and `arriving` are events a second that it handles and that arrive for it; `handled` counts since its start.
    """

    worker: str
    condition: ReportedCondition
    condition_seconds: float = 0.0
    silent_seconds: float = 0.0
    role: str | None = None
    holds_role: bool = False
    lag: LagMeasurement | None = None
    rate: float | None = None
    handled: int = 0
    restarts: int = 0
    last_error: str | None = None
    last_error_seconds: float | None = None
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The last report on a worker, with times by PostgreSQL's clock. `started_at` is the time of the first report."""

    process: ServiceProcess
    worker: str
    condition: ReportedCondition
    since: datetime
    started_at: datetime
    last_heartbeat_at: datetime
    reported_at: datetime
    role: str | None
    holds_role: bool
    position: int | None
    lag_events: int | None
    lag_seconds: float | None
    measured_at: datetime | None
    rate: float | None
    handled: int
    restarts: int
    last_error: str | None
    last_error_at: datetime | None
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a worker now: `events` after `position`, of which the oldest has waited for `seconds`.

    `end` is the last position that exists; `at_least` says that more may wait. `arriving` is in events a second.
    """

    worker: str
    role: str | None = None
    position: int | None = None
    end: int | None = None
    events: int | None = None
    seconds: float | None = None
    at_least: bool = False
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class RoleLock:
    """A role that a session has locked. `instance` is None where the session names no process."""

    role: str
    instance: str | None


class EventPartition(Value):
    """A part of the stored events: those of baskets that were created from `begins` until before `ends`."""

    name: str
    begins: AwareDatetime | None
    """Null: it has no beginning."""
    ends: AwareDatetime | None
    """Null: it has no end, or it holds what no other partition does."""
    events: int
    """About how many, as PostgreSQL last counted."""
    bytes: int
    """With indexes."""


@dataclass(frozen=True, slots=True)
class StatusReadings:
    """All that PostgreSQL knows at one moment of its clock. `dead_letters` wait for an operator.

    `groups` were measured at `groups_measured_at`. `topic_problems` are what is wrong with the settings of topics and
    brokers, as it was checked last.
    """

    at: datetime
    reports: Sequence[StoredReport]
    backlogs: Sequence[Backlog]
    role_locks: Sequence[RoleLock]
    dead_letters: int = 0
    dead_letters_since: datetime | None = None
    groups: Sequence[GroupMeasurement] = ()
    groups_measured_at: datetime | None = None
    topic_problems: Sequence[str] = ()
    event_partitions: Sequence[EventPartition] = ()


class WorkerStatusStore(Protocol):
    """Stores what processes report. Every method raises StoreUnavailable."""

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        """Replaces the process's earlier reports."""

    async def read(self) -> StatusReadings: ...

    async def clear_away(self, older_than: float) -> int:
        """Removes reports older than so many seconds and returns how many.

        Keeps the newest on each worker, and the newest that knows its position.
        """


class BrokerObservations(Protocol):
    """Stores what was observed of the brokers, for the next reader of the status. Every method raises
    StoreUnavailable."""

    async def record_groups(self, groups: Sequence[GroupMeasurement]) -> None:
        """Replaces what was measured of consumer groups before."""

    async def record_topic_problems(self, problems: Sequence[str]) -> None:
        """Replaces the problems with topics' and brokers' settings that were found before."""


class WorkerStatus(Value):
    """How one worker of one process is."""

    worker: str
    instance: str | None
    """The process's UUID; null where the worker is absent."""
    host: str | None = None
    pid: int | None = None
    release: str | None = None
    state: WorkerCondition
    ready: bool
    """It works or stands by."""
    live: bool
    """Its process reports and it sends heartbeats."""
    role: str | None = None
    """What only one process does at a time, if its work is of that kind."""
    role_held: str | None = None
    """The role, where this process holds its lock, even if the process is dead."""
    position: int | None = None
    lag_events: int | None = None
    """How much waits for it now; null: not known."""
    lag_seconds: float | None = None
    """How long the oldest of these has waited."""
    rate: float | None = None
    """Events a second, over about the last ten seconds."""
    handled: int = 0
    """Events since its start."""
    restarts: int = 0
    """How often it was run again after a fault."""
    last_error: str | None = None
    last_error_at: AwareDatetime | None = None
    since: AwareDatetime | None = None
    """When this state began."""
    started_at: AwareDatetime | None = None
    beaten_at: AwareDatetime | None = None
    """When it sent its last heartbeat."""


class RoleHolder(Value):
    """Which process has a role that only one process has at a time."""

    role: str
    held: bool
    instance: str | None
    """Null: nobody holds it, or the session names no process."""
    host: str | None
    pid: int | None
    live: bool | None
    """Whether the holder lives. A dead holder keeps all others from the work. Null: not known, or nobody holds it."""
    standing_by: int
    """How many live processes wait for the role."""


class ServiceStatus(Value):
    """How the service is."""

    at: AwareDatetime
    """By PostgreSQL's clock."""
    well: bool
    """There are no problems."""
    problems: tuple[str, ...]
    """One sentence for each problem."""
    workers: tuple[WorkerStatus, ...]
    lags: tuple[WorkerLag, ...]
    roles: tuple[RoleHolder, ...]
    dead_letters: int = 0
    """How many wait for an operator."""
    groups: tuple[GroupLag, ...] = ()
    """How far the consumer groups are that `CHECKOUT_WATCHED_GROUPS` names."""
    event_partitions: tuple[EventPartition, ...] = ()
    """How the events are stored, oldest baskets first."""

    @property
    def current_workers(self) -> Sequence[WorkerStatus]:
        """The workers without replaced ones, and without stopped ones where another process does the work."""
        live = {each.worker for each in self.workers if each.live}
        return [
            each
            for each in self.workers
            if each.state != "replaced" and not (each.state == "stopped" and each.worker in live)
        ]
