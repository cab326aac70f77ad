"""The steps of `checkout verify`: baskets, then claims and the catalogue, then topics, then the repair."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from adapters.container import Container, open_operator_container
from adapters.encryption.keys import MasterKeyMissing
from adapters.settings import Settings
from cli.checkpoint_file import CheckpointFile
from cli.outage_retry import OutageRetry
from cli.output import echo_error
from cli.process_pool import process_pool, results_in_order
from cli.signals import Interrupted
from cli.verify.checkpoint import VerifyCheckpoint
from cli.verify.outcome import SkippedCheck, VerifyOptions, VerifyOutcome
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.repair import RepairResult
from domain.operators.verify.view_checks import check_positions
from domain.operators.verify.view_verifier import VerificationResult, ViewVerifier
from domain.ports.archive import ArchiveSelection
from domain.shared.errors import Unavailable
from domain.shared.formatting import count_noun

PAGE_BASKETS = 200
PAGE_CLAIMS = 5_000
PAGES_AHEAD = 2
"""For each process, so that none waits for its next page."""
NO_BROKER = "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS is not set"
TOPICS = "topics of Kafka"

ProgressCallback = Callable[[str, int, int | None], None]
"""Called with what is verified, how many of it since the last call, and about how many there are (None: unknown)."""

_Page = tuple[Sequence[str], str]
"""Basket ids, and the last id looked at."""


async def run_verification(
    options: VerifyOptions, progress: ProgressCallback, container: Container, stop: asyncio.Event
) -> VerifyOutcome:
    """Verifies until all is done, or `stop` is set. Raises CheckpointMismatch, ProcessDied, MissingSetting and
    StoreUnavailable; the checkpoint file keeps what was found until then."""
    begun = time.monotonic()
    found = options.resume and VerifyCheckpoint.read(options.resume, options.question)
    retry = OutageRetry(stop, container.settings.long_run_patience)
    run = _Run(options, found or VerifyCheckpoint(asked=options.question), container, retry, progress)
    repaired, complete = None, False
    try:
        await run.verify()
        repaired = await run.repair()
        complete = True
    except Interrupted:
        pass
    finally:
        run.file.save(run.checkpoint)
    if complete:
        run.file.remove()
    return VerifyOutcome(run.checkpoint, repaired, complete, time.monotonic() - begun, run.skipped)


class _Run:
    """The steps. An earlier run may have done some of them."""

    def __init__(
        self,
        options: VerifyOptions,
        checkpoint: VerifyCheckpoint,
        container: Container,
        retry: OutageRetry,
        progress: ProgressCallback,
    ) -> None:
        self.checkpoint = checkpoint
        self.file = CheckpointFile(options.resume)
        self.skipped: list[SkippedCheck] = []
        self._options = options
        self._container = container
        self._archived = container.archive_index
        self._verifier = container.view_verifier
        self._audit = container.read_model_audit
        self._retry = retry
        self._progress = progress
        self._verified: set[str] = set()

    async def verify(self) -> None:
        found, options = self.checkpoint, self._options
        await self._retry.do(self._audit.positions)
        kafka = await self._reach_kafka()
        if not found.baskets_done:
            await (self._verify_all_baskets() if options.everything else self._verify_some_baskets())
            found.baskets_done = True
        await self._count_archived()
        if options.everything and options.partner is None:
            await self._verify_what_belongs_to_no_basket()
        else:
            self._skip("the catalogue, and what belongs to no basket", "--all looks at them")
        if kafka and not found.topics:
            await self._verify_topics()
        lagging = found.lagging
        found.add_inconsistencies(await self._retry.do(lambda: self._verifier.settle(lagging, options.patience)))
        found.lagging = {}
        if found.unopened:
            why = "the master key of their personal data is not in the file that CHECKOUT_DATA_KEY_FILE names"
            self._skip(f"{found.unopened:,} baskets", why, asked=True)

    async def repair(self) -> RepairResult | None:
        operator = self._options.operator
        if operator is None:
            return None
        result, repairer = RepairResult(), self._container.view_repairer
        return await self._retry.do(lambda: repairer.repair(self.checkpoint.drifts, operator, result))

    def _skip(self, what: str, why: str, *, asked: bool = False) -> None:
        self.skipped.append(SkippedCheck(what=what, why=why, asked=asked))

    async def _count_archived(self) -> None:
        """Says what is in the archive, unless baskets were named."""
        if self._options.baskets:
            return
        selection = ArchiveSelection(self._options.partner)
        if count := await self._retry.do(lambda: self._archived.count(selection)):
            self._skip(f"{count_noun(count, 'basket')} in the archive", "`checkout archive verify` looks at its files")

    async def _reach_kafka(self) -> bool:
        """Whether topics can be compared."""
        if not self._options.kafka:
            self._skip(TOPICS, "--no-kafka was said")
        elif self._container.settings.kafka_bootstrap_servers is None:
            self._skip(TOPICS, NO_BROKER, asked=True)
        else:
            try:
                await self._container.topic_verifier().require_broker()
            except Unavailable as error:
                echo_error(f"{error}; topics are not compared")
                self._skip(TOPICS, str(error), asked=True)
            else:
                return True
        return False

    async def _verify_some_baskets(self) -> None:
        options, audit = self._options, self._audit
        ids = options.baskets or await self._retry.do(
            lambda: audit.some_basket_ids(options.sample or 0, options.partner)
        )
        self._progress("baskets", 0, len(ids))
        for start in range(0, len(ids), PAGE_BASKETS):
            page = ids[start : start + PAGE_BASKETS]
            self._add(page, await self._retry.do(partial(_verify_baskets, self._verifier, page)))
        if options.sample is not None and (about := await self._retry.do(audit.count)) > len(ids):
            self._skip(f"about {about - len(ids):,} other baskets", "a sample was asked for")

    async def _verify_all_baskets(self) -> None:
        options, found = self._options, self.checkpoint
        self._progress("baskets", found.baskets, await self._retry.do(self._audit.count))
        async with AsyncExitStack() as stack:
            submit: Callable[[_Page], asyncio.Future[VerificationResult]]
            if options.processes == 1:

                def submit_here(page: _Page) -> asyncio.Future[VerificationResult]:
                    return asyncio.ensure_future(_verify_baskets(self._verifier, page[0]))

                submit = submit_here
            else:
                worker = partial(_PageVerifier, self._container.settings)
                pool = process_pool(options.processes, worker, "verified baskets")
                submit = (await stack.enter_async_context(pool)).submit
            pages = self._pages(found.after)
            ahead = options.processes * PAGES_AHEAD
            async for (ids, last), verified in results_in_order(pages, submit, ahead, self._retry):
                self._add(ids, verified)
                found.after = last
                self.file.save(found, now=False)

    async def _pages(self, after: str) -> AsyncIterator[_Page]:
        while True:
            page = partial(self._audit.basket_ids, after, PAGE_BASKETS, self._options.partner)
            ids, last = await self._retry.do(page)
            if last is None:
                return
            yield ids, last
            after = last

    async def _verify_what_belongs_to_no_basket(self) -> None:
        found = self.checkpoint
        if not found.claims_done:
            found.add_inconsistencies(check_positions(*await self._retry.do(self._audit.positions)))
            try:
                await self._verify_claims()
            except MasterKeyMissing as error:
                self._skip("claims on external ids", str(error), asked=True)
            found.claims_done = True
            self.file.save(found)
        if not found.catalogue_done:
            found.add_inconsistencies(await self._retry.do(self._verify_catalogue))
            found.catalogue_done = True
            self.file.save(found)

    async def _verify_claims(self) -> None:
        known = {each.subject for each in self.checkpoint.drifts if each.kind.startswith("claim_")}
        after: str | None = ""
        while after is not None:
            page = partial(self._verifier.verify_claims, after, PAGE_CLAIMS)
            inconsistencies, after = await self._retry.do(page)
            self.checkpoint.add_inconsistencies(each for each in inconsistencies if each.subject not in known)

    async def _verify_catalogue(self) -> Sequence[Inconsistency]:
        found, container = self.checkpoint, self._container
        found.catalogue_rows = 0

        def progress(count: int) -> None:
            found.catalogue_rows += count
            self._progress("catalogue rows and facts", count, None)

        self._progress("catalogue rows and facts", 0, await container.projection_audit.count())
        return await container.catalogue_verifier.verify(progress)

    async def _verify_topics(self) -> None:
        options, verifier = self._options, self._container.topic_verifier()
        if options.everything and options.partner is not None and self.checkpoint.baskets > len(self._verified):
            # A resumed run does not know the baskets of the run before it.
            async for ids, _ in self._pages(""):
                self._verified.update(ids)
        only = self._verified if options.partner is not None else None

        def progress(what: str, count: int) -> None:
            self._progress(f"messages of {what}" if "." in what else what, count, None)

        try:
            verified = await self._retry.do(
                lambda: (
                    verifier.verify_all(progress, only) if options.everything else verifier.verify_some(self._verified)
                )
            )
        except Unavailable as error:
            self._skip(TOPICS, str(error), asked=True)
            return
        self.checkpoint.add_topics(verified)
        self.file.save(self.checkpoint)

    def _add(self, page: Sequence[str], verified: VerificationResult) -> None:
        self.checkpoint.add(verified)
        if self._options.baskets:
            for archived in verified.archived:
                self._skip("a basket", str(archived), asked=True)
        self._progress("baskets", len(page), None)
        if self._options.partner is not None or not self._options.everything:
            self._verified.update(page)


async def _verify_baskets(verifier: ViewVerifier, basket_ids: Sequence[str]) -> VerificationResult:
    """Verifies baskets; counts those whose personal data cannot be decrypted. Raises StoreUnavailable."""
    try:
        return await verifier.verify(basket_ids)
    except MasterKeyMissing:
        if len(basket_ids) == 1:
            return VerificationResult(unopened=1)
        half = len(basket_ids) // 2
        result = await _verify_baskets(verifier, basket_ids[:half])
        result.add(await _verify_baskets(verifier, basket_ids[half:]))
        return result


class _PageVerifier:
    """Verifies pages in a process of the pool, with a container that lives as long as the process."""

    def __init__(self, settings: Settings, _: Callable[[], bool]) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        opening = self._stack.enter_async_context(open_operator_container(settings))
        self._verifier = self._runner.run(opening).view_verifier

    def __call__(self, page: _Page) -> VerificationResult:
        return self._runner.run(_verify_baskets(self._verifier, page[0]))
