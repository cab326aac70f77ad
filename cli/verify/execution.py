"""One run of `checkout verify`: all baskets in several processes, or some in this one; then the rest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from adapters.container import Container, open_operator_container
from adapters.encryption.keys import MasterKeyMissing
from adapters.settings import Settings
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.output import echo_error
from cli.runner import INTERRUPTED, load_settings
from cli.signals import Interrupted, stop_signal
from cli.verify.checkpoint import SkippedCheck, VerifyCheckpoint
from cli.verify.pages import VerificationPages, verifiers
from cli.verify.verifier_process import verify_baskets
from domain.operators.audit import Operator
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.repair import RepairResult
from domain.operators.verify.view_checks import check_positions
from domain.operators.verify.view_verifier import VerificationResult
from domain.shared.errors import Unavailable

PAGE_BASKETS = 200
CLAIMS_A_PAGE = 5_000
PAGES_AHEAD = 2
"""For each process, so that none waits for the next page."""
STATE_EVERY_SECONDS = 2.0
DIFFERS = 1
NOT_ALL_LOOKED_AT = 3
NO_BROKER = "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS is not set"
TOPICS = "topics of Kafka"

Told = Callable[[str, int, int | None], None]
"""Called with what is done, how many of it since the last call, and how many there are about (None: not known)."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
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
class VerifyOutcome:
    """What was found, and what became of it. Not `complete` where it was interrupted."""

    state: VerifyCheckpoint
    repaired: RepairResult | None
    complete: bool
    seconds: float
    not_looked_at: Sequence[SkippedCheck] = ()

    @property
    def exit_code(self) -> int:
        if not self.complete:
            return INTERRUPTED
        if self.differs:
            return DIFFERS
        return NOT_ALL_LOOKED_AT if any(each.asked for each in self.not_looked_at) else 0

    @property
    def differs(self) -> bool:
        """Whether anything is not as it should be still."""
        if self.repaired is None:
            return self.state.differs
        kept = sum(self.state.counts.values()) <= len(self.state.drifts)
        return (
            bool(self.repaired.remaining) or not kept or any(each.unexplained for each in self.state.topics)
        )


async def run_verification(
    asked: VerifyOptions, told: Told, settings: Settings | None = None
) -> VerifyOutcome:
    """Verifies until all is done, or SIGINT or SIGTERM comes. Raises CheckpointMismatch, ProcessDied, MissingSetting and
    StoreUnavailable; what was found until then is in the file of the state."""
    begun = time.monotonic()
    async with (
        open_operator_container(with_long_run_timeouts(settings or load_settings())) as parts,
        stop_signal() as stop,
    ):
        state = (
            VerifyCheckpoint.read(asked.resume, asked.words) if asked.resume else None
        ) or VerifyCheckpoint(asked=asked.words)
        run = _Run(asked, state, parts, OutageRetry(stop, parts.settings.long_run_patience), told)
        repaired = None
        try:
            await run.look_at_everything()
            repaired = await run.repair()
            complete = True
        except Interrupted:
            complete = False
        finally:
            run.write()
    if complete and asked.resume is not None:
        asked.resume.unlink(missing_ok=True)
    return VerifyOutcome(state, repaired, complete, time.monotonic() - begun, run.not_looked_at)


class _Run:
    """The steps, each of which may have been done by an earlier run."""

    def __init__(
        self,
        asked: VerifyOptions,
        state: VerifyCheckpoint,
        parts: Container,
        retrying: OutageRetry,
        told: Told,
    ) -> None:
        self.not_looked_at: list[SkippedCheck] = []
        self._asked = asked
        self._state = state
        self._parts = parts
        self._retrying = retrying
        self._told = told
        self._written: float | None = None
        self._looked_at: set[str] = set()

    async def look_at_everything(self) -> None:
        state, asked = self._state, self._asked
        await self._retrying.do(self._parts.read_model_audit.positions)
        kafka = await self._kafka()
        if not state.baskets_done:
            await (self._all_baskets() if asked.everything else self._some_baskets())
            state.baskets_done = True
        if asked.everything and asked.partner is None:
            await self._what_belongs_to_no_basket()
        else:
            self._leaves_out("the catalogue, and what belongs to no basket", "--all looks at them")
        if kafka and not state.topics:
            await self._topics()
        await self._settle()
        if state.unopened:
            why = "the master key of their personal data is not in the file that CHECKOUT_DATA_KEY_FILE names"
            self._leaves_out(f"{state.unopened:,} baskets", why, asked=True)

    async def repair(self) -> RepairResult | None:
        operator = self._asked.operator
        if operator is None:
            return None
        begun, repairing = RepairResult(), self._parts.view_repairer
        return await self._retrying.do(lambda: repairing.repair(self._state.drifts, operator, begun))

    def _leaves_out(self, what: str, why: str, *, asked: bool = False) -> None:
        self.not_looked_at.append(SkippedCheck(what=what, why=why, asked=asked))

    async def _kafka(self) -> bool:
        """Whether topics can be compared."""
        if not self._asked.kafka:
            self._leaves_out(TOPICS, "--no-kafka was said")
        elif self._parts.settings.kafka_bootstrap_servers is None:
            self._leaves_out(TOPICS, NO_BROKER, asked=True)
        else:
            try:
                await self._parts.topic_verifier().require_broker()
            except Unavailable as error:
                echo_error(f"{error}; topics are not compared")
                self._leaves_out(TOPICS, str(error), asked=True)
            else:
                return True
        return False

    async def _settle(self) -> None:
        state, verification = self._state, self._parts.view_verifier
        patience = self._asked.patience
        state.found(await self._retrying.do(lambda: verification.settle(state.lagging, patience)))
        state.lagging = {}

    async def _some_baskets(self) -> None:
        asked, rows = self._asked, self._parts.read_model_audit
        ids = asked.baskets or await self._retrying.do(
            lambda: rows.some_basket_ids(asked.sample or 0, asked.partner)
        )
        self._told("baskets", 0, len(ids))
        for start in range(0, len(ids), PAGE_BASKETS):
            page = ids[start : start + PAGE_BASKETS]
            verify = partial(verify_baskets, self._parts.view_verifier, page)
            self._take(page, await self._retrying.do(verify))
        if asked.sample is not None and (about := await self._retrying.do(rows.count)) > len(ids):
            self._leaves_out(f"about {about - len(ids):,} other baskets", "a sample was asked for")

    async def _all_baskets(self) -> None:
        asked, rows = self._asked, self._parts.read_model_audit
        self._told("baskets", self._state.baskets, await self._retrying.do(rows.count))
        with verifiers(asked.processes, self._parts) as verify:
            pages = VerificationPages(
                lambda after: rows.basket_ids(after, PAGE_BASKETS, asked.partner),
                verify,
                asked.processes * PAGES_AHEAD,
                self._retrying,
            )
            async for page, last, verified in pages.after(self._state.after):
                self._take(page, verified)
                self._state.after = last
                self.write(every=STATE_EVERY_SECONDS)

    async def _what_belongs_to_no_basket(self) -> None:
        state = self._state
        if not state.claims_done:
            state.found(check_positions(*await self._retrying.do(self._parts.read_model_audit.positions)))
            try:
                await self._claims()
            except MasterKeyMissing as error:
                self._leaves_out("claims on external ids", str(error), asked=True)
            state.claims_done = True
            self.write()
        if not state.catalogue_done:
            state.found(await self._retrying.do(self._catalogue))
            state.catalogue_done = True
            self.write()

    async def _claims(self) -> None:
        state, verification = self._state, self._parts.view_verifier
        known = {drift.subject for drift in state.drifts if drift.kind.startswith("claim_")}
        after: str | None = ""
        while after is not None:
            page = partial(verification.verify_claims, after, CLAIMS_A_PAGE)
            drifts, after = await self._retrying.do(page)
            state.found(drift for drift in drifts if drift.subject not in known)

    async def _catalogue(self) -> Sequence[Inconsistency]:
        state, parts = self._state, self._parts
        state.catalogue_rows = 0

        def looked(count: int) -> None:
            state.catalogue_rows += count
            self._told("catalogue rows and facts", count, None)

        self._told("catalogue rows and facts", 0, await parts.projection_audit.count())
        return await parts.catalogue_verifier.verify(looked)

    async def _topics(self) -> None:
        asked, verification = self._asked, self._parts.topic_verifier()
        if asked.everything and asked.partner is not None and self._state.baskets > len(self._looked_at):
            # A run that goes on does not know the baskets of the one before it.
            self._looked_at |= await self._retrying.do(self._all_ids)
        try:
            verified = await self._retrying.do(
                lambda: (
                    verification.verify_all(
                        lambda what, count: self._told(_messages(what), count, None),
                        self._looked_at if asked.partner is not None else None,
                    )
                    if asked.everything
                    else verification.verify_some(self._looked_at)
                )
            )
        except Unavailable as error:
            self._leaves_out(TOPICS, str(error), asked=True)
            return
        self._state.add_topics(verified)
        self.write()

    async def _all_ids(self) -> set[str]:
        ids: set[str] = set()
        after: str | None = ""
        while after is not None:
            page, after = await self._parts.read_model_audit.basket_ids(
                after, PAGE_BASKETS, self._asked.partner
            )
            ids.update(page)
        return ids

    def _take(self, page: Sequence[str], verified: VerificationResult) -> None:
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


def _messages(what: str) -> str:
    return f"messages of {what}" if "." in what else what
