"""How the service is, judged by what its processes said and what PostgreSQL knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.operating.lagging import Limits, lags_of, own_lag, weighed
from domain.operating.problems import dead_letter_problems, problems_of
from domain.operating.status import (
    Readings,
    Recorded,
    RoleHolder,
    State,
    Status,
    WorkerState,
    WorkerStates,
)

DEAD_AFTER_SECONDS = 10.0
STILL_AFTER_SECONDS = 60.0

_READY: Collection[State] = ("working", "standing-by")
_LIVE: Collection[State] = ("starting", "working", "standing-by", "failing")


@dataclass(frozen=True, slots=True)
class Expectations:
    """What must be so for all to be well.

    Each of `workers` has a live process. One of which nothing was heard for `dead_after` seconds is dead, one
    that did not move for `still_after` seconds stands still. Nothing may be behind its `limits`, and no
    more than `max_dead_letters` may wait for an operator; None: as many as there are.
    """

    workers: Sequence[str] = ()
    dead_after: float = DEAD_AFTER_SECONDS
    still_after: float = STILL_AFTER_SECONDS
    limits: Limits = field(default_factory=Limits)
    max_dead_letters: int | None = None


class Statuses:
    """The status of the service, whenever it is asked for."""

    def __init__(self, states: WorkerStates, expectations: Expectations) -> None:
        self._states = states
        self.expectations = expectations

    async def now(self, expectations: Expectations | None = None) -> Status:
        """The status at this moment; raises StoreUnavailable."""
        return judged(await self._states.read(), expectations or self.expectations)


def judged(readings: Readings, expected: Expectations) -> Status:
    """The status that the readings amount to."""
    found = _states(readings, expected)
    workers = [_worker(each, state, readings) for each, state in found]
    known = {each.worker for each in workers}
    workers += [
        WorkerState(worker=name, instance=None, state="absent", ready=False, live=False)
        for name in expected.workers
        if name not in known
    ]
    place = {name: number for number, name in enumerate(expected.workers)}
    workers.sort(key=lambda each: (place.get(each.worker, len(place)), each.worker))
    lags = [weighed(lag, readings.at, expected.limits) for lag in lags_of(workers, readings)]
    lags.sort(key=lambda lag: place.get(lag.worker, len(place)))
    problems = [
        *problems_of(workers, lags, readings.at, expected.workers),
        *dead_letter_problems(readings, expected.max_dead_letters),
    ]
    return Status(
        at=readings.at,
        well=not problems,
        problems=tuple(problems),
        workers=tuple(workers),
        lags=tuple(lags),
        roles=tuple(_roles(workers, readings)),
        dead_letters=readings.dead_letters,
    )


def _states(readings: Readings, expected: Expectations) -> Sequence[tuple[Recorded, State]]:
    heard_since = readings.at - timedelta(seconds=expected.dead_after)
    moved_since = readings.at - timedelta(seconds=expected.still_after)

    def state(each: Recorded) -> State:
        if each.condition == "stopped":
            return "stopped"
        if each.reported_at < heard_since:
            return "dead"
        return "standing-still" if each.beaten_at < moved_since else each.condition

    found = [(each, state(each)) for each in readings.recorded]
    holding = {holder.instance for holder in readings.holders}
    # One that still has a role is in the way of whoever should take its place.
    dead = [each for each, said in found if said == "dead" and each.process.instance not in holding]
    replaced = set(_replaced(dead, readings.recorded))
    return [(each, "replaced" if _key(each) in replaced else said) for each, said in found]


def _replaced(dead: Iterable[Recorded], recorded: Sequence[Recorded]) -> Iterable[tuple[str, str]]:
    """The dead whose place was taken: a process that began after a death takes the place of one, even if it
    ended since."""
    newcomers: dict[str, list[datetime]] = {}
    for each in recorded:
        newcomers.setdefault(each.worker, []).append(each.started_at)
    for each in sorted(dead, key=lambda each: each.reported_at):
        later = sorted(moment for moment in newcomers[each.worker] if moment > each.reported_at)
        if later:
            newcomers[each.worker].remove(later[0])
            yield _key(each)


def _key(each: Recorded) -> tuple[str, str]:
    return each.worker, each.process.instance


def _worker(each: Recorded, state: State, readings: Readings) -> WorkerState:
    live = state in _LIVE
    events, seconds = own_lag(each, readings, live=live)
    holds = any(
        holder.role == each.role and holder.instance == each.process.instance for holder in readings.holders
    )
    return WorkerState(
        worker=each.worker,
        instance=each.process.instance,
        host=each.process.host,
        pid=each.process.pid,
        release=each.process.release,
        state=state,
        ready=state in _READY,
        live=live,
        role=each.role,
        role_held=each.role if holds else None,
        position=each.position,
        lag_events=events,
        lag_seconds=seconds,
        rate=each.rate if live else None,
        handled=each.handled,
        restarts=each.restarts,
        last_error=each.last_error,
        last_error_at=each.last_error_at,
        since=_since(each, state),
        started_at=each.started_at,
        beaten_at=each.beaten_at,
    )


def _since(each: Recorded, state: State) -> datetime:
    if state in ("dead", "replaced"):
        return each.reported_at
    return each.beaten_at if state == "standing-still" else each.since


def _roles(workers: Sequence[WorkerState], readings: Readings) -> Iterable[RoleHolder]:
    sessions = {holder.role: holder.instance for holder in readings.holders}
    for role in sorted({each.role for each in workers if each.role is not None} | sessions.keys()):
        holder = next((each for each in workers if each.role_held == role), None)
        yield RoleHolder(
            role=role,
            held=role in sessions,
            instance=sessions.get(role),
            host=holder.host if holder else None,
            pid=holder.pid if holder else None,
            live=holder.live if holder else None,
            standing_by=sum(each.role == role and each.state == "standing-by" for each in workers),
        )
