"""Processes that archive or bring back, and that are killed by SIGKILL at a given step of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from adapters.container import Container
from adapters.postgres.archive import PostgresArchiveIndex
from domain.operators.archive.retrieval import Archive
from domain.ports.archive import ArchiveDamaged, ArchiveUnavailable
from tests.adapters.archive.archived_service import archive, archiving_service

FILE_EVENTS = {"open", "os.rename", "os.remove"}
"""What Python says before it does it. With the statements to PostgreSQL they are the steps of the work."""

FULL = 28

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "cli.archive.run", "adapters.encryption.stores", "domain.basket.projection"])


class Steps:
    """Kills its process before the step of this number; 0: never."""

    def __init__(self, last: int) -> None:
        self._left = last

    def next(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_files_in(self, folder: Path) -> None:
        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in FILE_EVENTS and str(arguments[0]).startswith(str(folder)):
                self.next()

        sys.addaudithook(hook)


class SteppedIndex(PostgresArchiveIndex):
    """Counts the moments before and after each statement."""

    steps = Steps(0)

    async def _fetch(self, statement: str, *values: object) -> Sequence[Any]:
        self.steps.next()
        found = await super()._fetch(statement, *values)
        self.steps.next()
        return found


Work = Callable[[Container, Steps], Any]


def begin(work: Work, url: str, folder: Path, *, step: int = 0, file_limit: int | None = None) -> ForkServerProcess:
    """Starts the work in a process of its own, which dies before the step of this number, or once a file that it writes
    has more bytes than the limit."""
    process = _context.Process(target=_run, args=(work, url, folder, step, file_limit), daemon=True)
    process.start()
    return process


async def ended(process: ForkServerProcess) -> int:
    """The exit code; negative where a signal ended it."""
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode


async def run(work: Work, url: str, folder: Path, *, step: int = 0, file_limit: int | None = None) -> int:
    return await ended(begin(work, url, folder, step=step, file_limit=file_limit))


async def archive_all(container: Container, steps: Steps) -> None:
    """As the worker does it."""
    await archive(container)


async def archive_on_a_full_disk(container: Container, steps: Steps) -> None:
    """Ends with FULL where it was told what to do."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        await archive(container)
    except ArchiveUnavailable as error:
        if "CHECKOUT_ARCHIVE_FOLDER must name a folder that is mounted, writable, and has space" in str(error):
            raise SystemExit(FULL) from error
        raise


async def archive_again_and_again(container: Container, steps: Steps) -> None:
    """Whenever somebody brings them back; ends once the file `enough` is there. Like the worker it goes on where another
    one deleted the file that it just wrote."""
    assert container.settings.archive_folder is not None
    while not (container.settings.archive_folder.parent / "enough").exists():
        with suppress(ArchiveDamaged, ArchiveUnavailable):
            await archive(container)


class bring_back:  # noqa: N801  used as a function
    """Brings these baskets back, as the command does."""

    def __init__(self, basket_ids: Collection[str]) -> None:
        self._ids = [*basket_ids]

    async def __call__(self, container: Container, steps: Steps) -> None:
        async def refold(basket_id: str) -> None:
            steps.next()
            await container.projection.refold(basket_id)
            steps.next()

        async def decrypt(events: Sequence[Any]) -> Sequence[Any]:
            return events

        await Archive(container.archive_index, container.archive_files, decrypt, refold).restore(self._ids)


def _run(work: Work, url: str, folder: Path, step: int, file_limit: int | None) -> None:
    async def in_service() -> None:
        async with archiving_service(url, folder) as container:
            index = SteppedIndex(container.database)
            index.steps = Steps(step)
            container.archive_index = index
            assert container.settings.archive_folder is not None
            index.steps.count_files_in(container.settings.archive_folder)
            if file_limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
            await work(container, index.steps)

    asyncio.run(in_service())
