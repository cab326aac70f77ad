"""Moves baskets that are over into the files of the archive, bit by bit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from domain.operators.archive.archiver import PAGE_BASKETS, Archiver, ArchiveRound
from domain.ports.leadership import Leadership
from workers.heartbeat import Heartbeat
from workers.runner import sleep

ROLE = "archiver"
PAUSE_SECONDS = 1.0
"""Between two pages, so that a first run over millions of baskets leaves room for everybody else."""
ROUND_SECONDS = 3600.0
"""Baskets become old slowly. A round looks at all that are over and still in the store."""

_log = structlog.get_logger("workers.archiver")


class ArchiverWorker:
    """Each basket is wholly in the store or wholly in the archive, whenever the process crashes. One process works and
    others stand by. While the folder cannot be used nothing is deleted: the worker fails, says why, and is run again."""

    name = ROLE

    def __init__(
        self,
        archiver: Archiver,
        drop_empty_partition: Callable[[], Awaitable[str | None]],
        leadership: Leadership,
        *,
        enabled: bool,
        page_baskets: int = PAGE_BASKETS,
        pause: float = PAUSE_SECONDS,
        round_every: float = ROUND_SECONDS,
    ) -> None:
        """Where it is not `enabled`, it says so and archives nothing."""
        self._archiver = archiver
        self._drop_empty_partition = drop_empty_partition
        self._leadership = leadership
        self._enabled = enabled
        self._page = page_baskets
        self._pause = pause
        self._round_every = round_every

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(ROLE, lambda: heartbeat.stands_by(ROLE)) as lease:
            heartbeat.holds(ROLE)
            if not self._enabled:
                _log.warning("nothing is archived: CHECKOUT_ARCHIVE_AFTER is not set")
            while True:
                await lease.confirm()
                if self._enabled:
                    await self._round(heartbeat, lease.confirm)
                heartbeat.ready(True)
                await sleep(self._round_every, heartbeat)

    async def _round(self, heartbeat: Heartbeat, confirm: Callable[[], Awaitable[None]]) -> None:
        if leftovers := await self._archiver.delete_leftovers():
            _log.warning("files of a run that was cut off were deleted", files=leftovers)
        done, after, more = ArchiveRound(), None, True
        while more:
            before = done.baskets
            await confirm()
            after = await self._archiver.next_page(done, after, self._page, dry=False)
            more = after is not None
            heartbeat.handled(done.baskets - before)
            heartbeat.ready(True)
            await sleep(self._pause if more else 0, heartbeat)
        while (partition := await self._drop_empty_partition()) is not None:
            _log.info("an empty partition of the events was dropped", partition=partition)
        if done.baskets or done.waiting:
            _log.info(
                "archived",
                baskets=done.baskets,
                events=done.events,
                bytes=done.bytes,
                files=done.files,
                waiting=dict(done.waiting),
            )
