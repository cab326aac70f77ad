"""How the processes of the service are: what each says of itself, and what PostgreSQL knows besides.

`domain.operators.status.service_status` makes the status of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.shared.eventsourcing import Value

ReportedCondition = Literal["starting", "working", "standing-by", "failing", "stopped"]
"""How a worker says it is. `failing`: it met a fault and is run again; `stopped`: its process ended as it was
asked to."""

WorkerCondition = Literal[
    "starting", "working", "standing-by", "failing", "stopped", "standing-still", "dead", "replaced", "absent"
]
"""How a worker is. Besides what it says itself: `standing-still`: its process lives, the worker has not moved
for too long; `dead`: nothing was heard of its process for too long; `replaced`: the same, and another took its
place; `absent`: no process of that worker was ever heard of, or none since long ago."""


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A process of the service; `instance` is a UUID of its own."""

    instance: str
    host: str
    pid: int
    release: str


@dataclass(frozen=True, slots=True)
class LagMeasurement:
    """How far a worker is: its position, how many events wait after it, for how many seconds the oldest of
    these has, and how many seconds ago all that was true."""

    position: int | None = None
    lag_events: int | None = None
    lag_seconds: float | None = None
    age_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a process says of one of its workers. Times are in seconds before the report, for only PostgreSQL's
    clock is everybody's.

    `figures` is None where the worker measured nothing yet. `rate` and `arriving` are in events a second: what it
    handles, and what comes for it; `handled` counts them since the start.
    """

    worker: str
    condition: ReportedCondition
    condition_seconds: float = 0.0
    silent_seconds: float = 0.0
    role: str | None = None
    holds_role: bool = False
    figures: LagMeasurement | None = None
    rate: float | None = None
    handled: int = 0
    restarts: int = 0
    last_error: str | None = None
    last_error_seconds: float | None = None
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The last report on a worker, with the moments by PostgreSQL's clock. `started_at` is the first one's."""

    process: ServiceProcess
    worker: str
    condition: ReportedCondition
    since: datetime
    started_at: datetime
    beaten_at: datetime
    reported_at: datetime
    role: str | None
    holds_role: bool
    position: int | None
    lag_events: int | None
    lag_seconds: float | None
    figures_at: datetime | None
    rate: float | None
    handled: int
    restarts: int
    last_error: str | None
    last_error_at: datetime | None
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a worker, as PostgreSQL counts it at the time of asking.

    `events` after `position`, of which the oldest has waited for `seconds`; `more`: there are more, and that
    many is only what is certain. `end` is the last position that there is. `arriving`, in events a second, is what
    came of late; None: nobody knows.
    """

    worker: str
    role: str | None
    position: int | None
    end: int | None
    events: int
    seconds: float
    more: bool = False
    arriving: float | None = None


@dataclass(frozen=True, slots=True)
class RoleLock:
    """Who holds a role: the session that has its lock. `instance` is None where the session names none."""

    role: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class StatusReadings:
    """All that is known, as of one moment of PostgreSQL's clock. `dead_letters` wait for an operator, the oldest of them
    since `dead_letters_since`."""

    at: datetime
    recorded: Sequence[StoredReport]
    backlogs: Sequence[Backlog]
    holders: Sequence[RoleLock]
    dead_letters: int = 0
    dead_letters_since: datetime | None = None


class WorkerStatusStore(Protocol):
    """What the processes say of themselves."""

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        """Records the reports in place of the process's earlier ones. Raises StoreUnavailable."""

    async def read(self) -> StatusReadings:
        """The last report on each worker of each process, and what waits for them by now. Raises
        StoreUnavailable."""

    async def clear_away(self, older_than: float) -> int:
        """Removes reports that are older than so many seconds and says how many, but never the newest on a
        worker, nor the newest that knows its position."""


class WorkerStatus(Value):
    """How one worker of one process is."""

    worker: str
    instance: str | None
    """The process's UUID; null of a worker that is absent."""
    host: str | None = None
    pid: int | None = None
    release: str | None = None
    state: WorkerCondition
    ready: bool
    """It works, or stands by for it."""
    live: bool
    """Its process was heard of, and it moves."""
    role: str | None = None
    """What only one process does at a time, if its work is of that kind."""
    role_held: str | None = None
    """The role, where this process has it: by its lock, even if the process is dead."""
    position: int | None = None
    lag_events: int | None = None
    """How much waits for it now; null: not known."""
    lag_seconds: float | None = None
    """How long the oldest of these has waited."""
    rate: float | None = None
    """Events a second, over the last ten seconds or so."""
    handled: int = 0
    """Events since its start."""
    restarts: int = 0
    """How often it was run again after a fault."""
    last_error: str | None = None
    last_error_at: AwareDatetime | None = None
    since: AwareDatetime | None = None
    """Since when it is in this state."""
    started_at: AwareDatetime | None = None
    beaten_at: AwareDatetime | None = None


LagTrend = Literal["catching-up", "keeping-pace", "falling-back", "standing-still"]
"""What becomes of what waits: it grows less, stays as much, grows more, or nothing of it is done at all."""


class WorkerLag(Value):
    """What waits for one kind of worker, whichever process does the work."""

    worker: str
    role: str | None
    position: int | None
    end: int | None
    """The last position that there is, in what the position counts."""
    events: int | None
    """Null: nobody knows at present."""
    at_least: bool
    """There are more, and that many are certain."""
    seconds: float | None
    rate: float
    """Events a second, of all processes together."""
    arriving: float | None = None
    """Events a second that came of late; null: nobody knows."""
    behind: bool = False
    """More waits, or for longer, than may be."""
    waits_since: AwareDatetime | None = None
    """Since when the oldest of it waits; null: nothing waits, or nobody knows."""
    trend: LagTrend | None = None
    """Null: nothing waits, or nobody knows."""
    eta_seconds: float | None = None
    """Until nothing waits any more, where it is catching up."""


class RoleHolder(Value):
    """Who does what only one process does at a time."""

    role: str
    held: bool
    instance: str | None
    """Null: nobody's, or a session that names no process."""
    host: str | None
    pid: int | None
    live: bool | None
    """Whether the holder lives; a dead one that still has the lock keeps everybody else from the work. Null:
    nothing is known of it, or there is none."""
    standing_by: int
    """How many live processes wait for the role."""


class ServiceStatus(Value):
    """How the service is."""

    at: AwareDatetime
    """By PostgreSQL's clock."""
    well: bool
    """Nothing is wrong."""
    problems: tuple[str, ...]
    """What is wrong, in words; none where all is well."""
    workers: tuple[WorkerStatus, ...]
    lags: tuple[WorkerLag, ...]
    roles: tuple[RoleHolder, ...]
    dead_letters: int = 0
    """How many wait for an operator."""
