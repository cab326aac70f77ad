"""A process that goes on with a run of republishing, in small transactions, until tests kill it."""

from __future__ import annotations

import asyncio
import sys

from adapters.container import open_operator_container
from adapters.logs import configure_logging
from adapters.settings import Settings
from domain.operators.republish.republish import RepublishProgress
from domain.operators.republish.republisher import Republisher
from tests.cli.dead_letter_setup import ADA
from tests.servers.checkout_command import environment_of
from tests.servers.processes import Program


def resending(settings: Settings, run: str) -> Program:
    """It says `sent` after each transaction, about twenty a second, and `complete` at the end."""
    return Program("-m", "tests.cli.resending", run, environment=environment_of(settings))


def in_small_portions(republisher: Republisher) -> Republisher:
    republisher._batch_events = 20
    return republisher


async def _go_on(run_id: str) -> None:
    async with open_operator_container(Settings(_env_file=None)) as parts:
        republisher = in_small_portions(parts.republisher)

        def told(progress: RepublishProgress) -> None:
            _say("complete" if progress.complete else f"sent {progress.sent}")

        await republisher.send(await republisher.resume(run_id, ADA), asyncio.Event(), told, rate=400)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    configure_logging("CRITICAL")
    asyncio.run(_go_on(sys.argv[1]))
