"""Starts a rebuild for an operator who uses the API or the console, as a process of its own.

So no server does a rebuild's work, and none ends it by ending itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from typing import IO

from pydantic import Field

from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from adapters.settings import Settings
from domain.operators.audit import Operator
from domain.operators.rebuild import RESUMABLE_STATES, RUNNING_STATES, Rebuild, RebuildRefused, RebuildTarget
from domain.shared.errors import Unavailable
from domain.shared.eventsourcing import Value
from domain.shared.values import BasketId, PartnerOrganisation, Timestamp

START_TIMEOUT = 20.0
POLL_SECONDS = 0.1
_MAX_ERROR_BYTES = 4000

CHANNEL_VARIABLE = "CHECKOUT_OPERATOR_WAY"
"""Names the environment variable that tells a command through which channel its operator came."""

_running: set[asyncio.Task[int]] = set()


class RebuildRequest(Value):
    """A rebuild to start; by default of all baskets."""

    target: RebuildTarget
    partner: PartnerOrganisation | None = None
    """Repair only baskets of this organisation, in place."""
    baskets: tuple[BasketId, ...] = Field(default=(), max_length=100)
    """Repair only these baskets, in place."""
    since: Timestamp | None = None
    """Repair only baskets with an event since then, in place."""
    dry_run: bool = False
    """Compare, and change nothing."""
    resume: bool = False
    """Resume the rebuild that was stopped or killed."""
    workers: int | None = Field(default=None, ge=1, le=64)
    """Processes that build; null: one for each processor."""
    rate: float | None = Field(default=None, ge=1)
    """At most so many events a second; null: no limit."""

    def options(self) -> list[str]:
        """The options of `checkout rebuild`."""
        values = {
            "partner": self.partner,
            "since": self.since and self.since.isoformat(),
            "workers": self.workers,
            "rate": self.rate,
        }
        return [
            *(f"--{name}={value}" for name, value in values.items() if value is not None),
            *(f"--basket={basket_id}" for basket_id in self.baskets),
            *(["--dry-run"] if self.dry_run else []),
            *(["--resume"] if self.resume else []),
        ]


class RebuildNotStarted(Unavailable):
    """The process did not start the rebuild in time."""


async def launch_rebuild(
    settings: Settings, rebuilds: PostgresRebuilds, request: RebuildRequest, operator: Operator
) -> Rebuild:
    """Starts the process, and returns once it has started the rebuild. Raises RebuildRefused with the process's
    message where it ends before that, RebuildNotStarted and StoreUnavailable."""
    before = await rebuilds.newest(20)
    known = {each.id for each in before}
    unfinished = [each.id for each in before if request.resume and _waits_for_resume(each, request.target)]
    url = settings.database_url.get_secret_value() if settings.database_url is not None else ""
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "rebuild", request.target, *request.options()),
            *("--json", f"--actor={operator.actor}", f"--reason={operator.reason}"),
            env={**os.environ, "CHECKOUT_DATABASE_URL": url, CHANNEL_VARIABLE: operator.way},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        ending = asyncio.create_task(process.wait(), name="rebuild")
        _running.add(ending)  # an unreferenced task may be collected, and the process stay a zombie
        ending.add_done_callback(_running.discard)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while True:
            ended = ending.done()
            for each in await rebuilds.newest(20):
                if each.id not in known or (each.id in unfinished[:1] and _runs(each)):
                    return each
            if ended:
                raise RebuildRefused(_last_message(errors) or f"it ended with exit code {process.returncode}")
            if asyncio.get_running_loop().time() > deadline:
                with suppress(ProcessLookupError):
                    process.terminate()
                raise RebuildNotStarted("the rebuild's process did not begin in time")
            await asyncio.sleep(POLL_SECONDS)


def _runs(each: Rebuild) -> bool:
    return each.state in RUNNING_STATES and not each.interrupted


def _waits_for_resume(each: Rebuild, target: RebuildTarget) -> bool:
    return each.target == target and each.state in RESUMABLE_STATES and not _runs(each)


def _last_message(errors: IO[bytes]) -> str:
    """The command's last message on stderr, without its name."""
    errors.seek(0)
    lines = errors.read(_MAX_ERROR_BYTES).decode(errors="replace").strip().splitlines()
    messages = [line.removeprefix("checkout: ") for line in lines if line.startswith("checkout: ")]
    return next(iter([*messages[-1:], *lines[-1:]]), "")
