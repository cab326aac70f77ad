"""Starts a rebuild for an operator who is not at a command line: as a process of its own, so that no server does
its work, and none takes it along when it ends."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from pydantic import Field

from adapters.settings import Settings
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    RESUMABLE_STATES,
    RUNNING_STATES,
    Rebuild,
    RebuildRefused,
    Rebuilds,
    RebuildTarget,
)
from domain.shared.errors import Unavailable
from domain.shared.eventsourcing import Value
from domain.shared.values import BasketId, PartnerOrganisation, Timestamp

CHANNEL_VARIABLE = "CHECKOUT_OPERATOR_WAY"
"""Set for a command that the operator API or the console runs for an operator: the way the operator came in."""

START_TIMEOUT = 20.0
POLL_SECONDS = 0.1
_SAID_MOST = 4000

_running: set[asyncio.Task[int]] = set()


class RebuildRequest(Value):
    """A rebuild that is to be started; nothing said about baskets: of all that there are."""

    target: RebuildTarget
    partner: PartnerOrganisation | None = None
    """Only baskets of this organisation, mended in place."""
    baskets: tuple[BasketId, ...] = Field(default=(), max_length=100)
    """Only these baskets, mended in place."""
    since: Timestamp | None = None
    """Only baskets that something happened to since then, mended in place."""
    dry_run: bool = False
    """Show what would differ, and change nothing."""
    resume: bool = False
    """Go on with the one that was stopped or killed."""
    workers: int | None = Field(default=None, ge=1, le=64)
    """Processes that build; null: one a processor."""
    rate: float | None = Field(default=None, ge=1)
    """At most so many events a second; null: as fast as it goes."""

    def options(self) -> list[str]:
        """As `checkout rebuild` takes them."""
        options = [f"--partner={self.partner}"] if self.partner is not None else []
        options += [f"--basket={basket_id}" for basket_id in self.baskets]
        options += [f"--since={self.since.isoformat()}"] if self.since is not None else []
        options += ["--dry-run"] if self.dry_run else []
        options += ["--resume"] if self.resume else []
        options += [f"--workers={self.workers}"] if self.workers is not None else []
        options += [f"--rate={self.rate}"] if self.rate is not None else []
        return options


class RebuildNotStarted(Unavailable):
    """The process did not say within its time that it has begun."""


async def launch_rebuild(
    settings: Settings, rebuilds: Rebuilds, wanted: RebuildRequest, operator: Operator
) -> Rebuild:
    """Starts it and returns once it has begun. Raises RebuildRefused with the process's words where it ended
    without beginning anything, RebuildNotStarted and StoreUnavailable."""
    known = {each.id for each in await rebuilds.newest(20)}
    resumed = await _unfinished(rebuilds, wanted) if wanted.resume else None
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "rebuild", wanted.target, *wanted.options()),
            *("--json", f"--actor={operator.actor}", f"--reason={operator.reason}"),
            env={**os.environ, **_environment(settings), CHANNEL_VARIABLE: operator.way},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        ending = asyncio.create_task(process.wait(), name="rebuild")
        _running.add(ending)  # a task that nobody holds may be collected, and the process stay a zombie
        ending.add_done_callback(_running.discard)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while True:
            ended = ending.done()
            for each in await rebuilds.newest(20):
                if each.id not in known or (each.id == resumed and _at_work(each)):
                    return each
            if ended:
                raise RebuildRefused(_words(said) or f"it ended with exit code {process.returncode}")
            if asyncio.get_running_loop().time() > deadline:
                with suppress(ProcessLookupError):
                    process.terminate()
                raise RebuildNotStarted("the rebuild's process did not begin in time")
            await asyncio.sleep(POLL_SECONDS)


def _at_work(each: Rebuild) -> bool:
    return each.state in RUNNING_STATES and not each.interrupted


async def _unfinished(rebuilds: Rebuilds, wanted: RebuildRequest) -> str | None:
    for each in await rebuilds.newest(20):
        if each.target == wanted.target and each.state in RESUMABLE_STATES and not _at_work(each):
            return each.id
    return None


def _environment(settings: Settings) -> Mapping[str, str]:
    """What these settings know and the environment may not say."""
    url = settings.database_url.get_secret_value() if settings.database_url is not None else ""
    return {"CHECKOUT_DATABASE_URL": url}


def _words(said: IO[bytes]) -> str:
    """What the command said on stderr, without its own name."""
    said.seek(0)
    lines = said.read(_SAID_MOST).decode(errors="replace").strip().splitlines()
    told = [line.removeprefix("checkout: ") for line in lines if line.startswith("checkout: ")]
    return told[-1] if told else (lines[-1] if lines else "")
