"""One run of `checkout verify`: all baskets in several processes, or some in this one; then the rest."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.settings import Settings
from adapters.wiring import Parts, open_parts
from domain.operating.actions import Operator
from domain.operating.repairing import Repaired
from domain.operating.verification import Verified, position_drifts
from operations.runner import settings as known_settings
from operations.stopping import Interrupted, stopped, unless_stopped
from operations.verifying.pages import Pages, verifiers
from operations.verifying.state import State

PAGE_BASKETS = 200
CLAIMS_A_PAGE = 5_000
PAGES_AHEAD = 2
"""For each process, so that none waits for the next page."""
STATE_EVERY_SECONDS = 2.0

Told = Callable[[str, int, int | None], None]
"""Called with what is done, how many of it since the last call, and how many there are about (None: not known)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked. `baskets` are the ones named; `sample` how many are drawn by chance; neither: all. `kafka`:
    whether topics are compared too. `operator`: who has it mended; None: nothing is. `patience`, in seconds: how
    long a view may lag. `resume` names the file of the state."""

    baskets: Sequence[str] = ()
    sample: int | None = None
    partner: str | None = None
    kafka: bool = True
    operator: Operator | None = None
    patience: float = 10.0
    resume: Path | None = None
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def everything(self) -> bool:
        return not self.baskets and self.sample is None

    @property
    def words(self) -> str:
        whose = f" of {self.partner}" if self.partner is not None else ""
        return f"all baskets{whose}, {'with' if self.kafka else 'without'} Kafka"


@dataclass(slots=True)
class Answer:
    """What was found, and what became of it. Not `complete` where it was interrupted."""

    state: State
    repaired: Repaired | None
    complete: bool
    seconds: float

    @property
    def differs(self) -> bool:
        """Whether anything is not as it should be still."""
        if self.repaired is None:
            return self.state.differs
        kept = sum(self.state.counts.values()) <= len(self.state.drifts)
        return bool(self.repaired.left) or not kept or any(each.unexplained for each in self.state.topics)


async def run_verification(asked: Asked, told: Told, settings: Settings | None = None) -> Answer:
    """Verifies until all is done, or SIGINT or SIGTERM comes. Raises NotThisRun, ProcessDied, NotConfigured,
    StoreUnavailable and BrokerUnavailable; what was found until then is in the file of the state."""
    begun = time.monotonic()
    async with open_parts(settings or known_settings()) as parts, stopped() as stop:
        state = (State.read(asked.resume, asked.words) if asked.resume else None) or State(asked=asked.words)
        run = _Run(asked, state, parts, stop, told)
        repaired = None
        try:
            await run.look_at_everything()
            if asked.operator is not None:
                repaired = await unless_stopped(stop, parts.repairing.repair(state.drifts, asked.operator))
            complete = True
        except Interrupted:
            complete = False
        finally:
            run.write()
    if complete and asked.resume is not None:
        asked.resume.unlink(missing_ok=True)
    return Answer(state, repaired, complete, time.monotonic() - begun)


class _Run:
    """The steps, each of which may have been done by an earlier run."""

    def __init__(self, asked: Asked, state: State, parts: Parts, stop: asyncio.Event, told: Told) -> None:
        self._asked = asked
        self._state = state
        self._parts = parts
        self._stop = stop
        self._told = told
        self._written: float | None = None
        self._looked_at: set[str] = set()

    async def look_at_everything(self) -> None:
        state, parts = self._state, self._parts
        if not state.baskets_done:
            await (self._all_baskets() if self._asked.everything else self._some_baskets())
            state.baskets_done = True
        if self._asked.everything and self._asked.partner is None:
            await self._what_belongs_to_no_basket()
        if self._asked.kafka and not state.topics:
            await self._topics()
        state.found(
            await unless_stopped(self._stop, parts.verification.settle(state.lagging, self._asked.patience))
        )
        state.lagging = {}

    async def _some_baskets(self) -> None:
        asked, rows = self._asked, self._parts.derived_rows
        ids = asked.baskets or await rows.some_basket_ids(asked.sample or 0, asked.partner)
        self._told("baskets", 0, len(ids))
        for start in range(0, len(ids), PAGE_BASKETS):
            page = ids[start : start + PAGE_BASKETS]
            self._take(page, await unless_stopped(self._stop, self._parts.verification.verify(page)))

    async def _all_baskets(self) -> None:
        asked, rows = self._asked, self._parts.derived_rows
        self._told("baskets", self._state.baskets, await rows.count())
        with verifiers(asked.processes, self._parts) as verify:
            pages = Pages(
                lambda after: rows.basket_ids(after, PAGE_BASKETS, asked.partner),
                verify,
                asked.processes * PAGES_AHEAD,
                self._stop,
            )
            async for page, last, verified in pages.after(self._state.after):
                self._take(page, verified)
                self._state.after = last
                self.write(every=STATE_EVERY_SECONDS)

    async def _what_belongs_to_no_basket(self) -> None:
        state, parts = self._state, self._parts
        if not state.claims_done:
            state.found(position_drifts(*await parts.derived_rows.positions()))
            known = {drift.subject for drift in state.drifts if drift.kind.startswith("claim_")}
            after: str | None = ""
            while after is not None:
                drifts, after = await unless_stopped(
                    self._stop, parts.verification.verify_claims(after, CLAIMS_A_PAGE)
                )
                state.found(drift for drift in drifts if drift.subject not in known)
            state.claims_done = True
            self.write()
        if not state.catalogue_done:
            rows = 0

            def looked(count: int) -> None:
                nonlocal rows
                rows += count
                self._told("catalogue rows and facts", count, None)

            self._told("catalogue rows and facts", 0, await parts.projected_rows.count())
            drifts = await unless_stopped(self._stop, parts.catalogue_verification.verify(looked))
            state.found(drifts)
            state.catalogue_rows, state.catalogue_done = rows, True
            self.write()

    async def _topics(self) -> None:
        asked, verification = self._asked, self._parts.topic_verification()
        if asked.everything and asked.partner is not None and self._state.baskets > len(self._looked_at):
            # A run that goes on does not know the baskets of the one before it.
            self._looked_at |= await unless_stopped(self._stop, self._all_ids())
        work = (
            verification.verify_all(
                lambda what, count: self._told(f"messages of {what}" if "." in what else what, count, None),
                self._looked_at if asked.partner is not None else None,
            )
            if asked.everything
            else verification.verify_some(self._looked_at)
        )
        self._state.add_topics(await unless_stopped(self._stop, work))
        self.write()

    async def _all_ids(self) -> set[str]:
        ids: set[str] = set()
        after: str | None = ""
        while after is not None:
            page, after = await self._parts.derived_rows.basket_ids(after, PAGE_BASKETS, self._asked.partner)
            ids.update(page)
        return ids

    def _take(self, page: Sequence[str], verified: Verified) -> None:
        self._state.add(verified)
        self._told("baskets", len(page), None)
        if self._asked.partner is not None or not self._asked.everything:
            self._looked_at.update(page)

    def write(self, every: float = 0.0) -> None:
        """Writes the state, at once the first time and then at most once in so many seconds."""
        now = time.monotonic()
        if self._asked.resume is not None and (self._written is None or now - self._written >= every):
            self._state.write(self._asked.resume)
            self._written = now
