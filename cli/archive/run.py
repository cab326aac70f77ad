"""What the commands of `checkout archive` do, with progress and messages on stderr."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.output import STDOUT, progress_bars
from cli.runner import DONE, INTERRUPTED
from cli.signals import Interrupted
from domain.operators.archive.archiver import PAGE_BASKETS, ArchiveRound
from domain.ports.archive import ArchiveSelection
from domain.shared.errors import CheckoutError
from domain.shared.formatting import count_noun

if TYPE_CHECKING:
    from adapters.container import Container

ROLE_TIMEOUT_SECONDS = 15.0

_WAITING = {
    "unpublished": "wait until their events are published and their states retired",
    "view_behind": "wait for their views, or for a rebuild to end",
    "dead_letter": "have a dead letter that waits (checkout dead-letters list)",
    "restored": "were brought back lately",
    "republishing": "are part of a republication that has not ended (checkout republish --resume)",
    "personal_data": "hold personal data that is not encrypted, and stay in the store",
}


class ArchiveBusy(CheckoutError):
    """Another process archives."""


@dataclass(slots=True)
class ArchiveOutcome:
    dry: bool
    round: ArchiveRound = field(default_factory=ArchiveRound)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.interrupted else DONE

    def document(self) -> dict[str, object]:
        done = self.round
        return {
            "dryRun": self.dry,
            "baskets": done.baskets,
            "events": done.events,
            "bytes": done.bytes,
            "files": done.files,
            "waiting": {reason: count for reason, count in done.waiting.items() if count},
            "interrupted": self.interrupted,
        }

    def show(self) -> None:
        done = self.round
        moved = f"{count_noun(done.baskets, 'basket')} with {count_noun(done.events, 'event')}"
        if self.dry:
            STDOUT.say(f"{moved} would move to the archive")
        else:
            STDOUT.say(f"{moved} moved to {count_noun(len(done.files), 'file')} of {done.bytes:,} bytes")
        for reason, count in done.waiting.items():
            if count:
                STDOUT.say(f"{count:>7,}  {_WAITING[reason]}")
        if self.interrupted:
            STDOUT.say("Interrupted. The same command again goes on.")


async def archive_now(container: Container, stop: asyncio.Event, limit: int | None, *, dry: bool) -> ArchiveOutcome:
    """Archives until nothing is left, `limit` baskets moved, or it is stopped. Raises CheckoutError."""
    from adapters.settings import MissingSetting

    settings = container.settings
    if settings.archive_after is None:
        raise MissingSetting("CHECKOUT_ARCHIVE_AFTER says when a basket is old enough for the archive: set it first")
    archiver = container.archiver(timedelta(seconds=settings.archive_after))
    outcome = ArchiveOutcome(dry)
    done = outcome.round
    try:
        async with (
            asyncio.timeout(ROLE_TIMEOUT_SECONDS) as patience,
            container.leadership.hold("archiver") as lease,
        ):
            patience.reschedule(None)
            if not dry:
                await archiver.delete_leftovers()
            after = None
            with progress_bars() as progress:
                while not stop.is_set():
                    await lease.confirm()
                    left = 1_000_000_000 if limit is None else limit - done.baskets
                    after = await archiver.next_page(done, after, left, dry=dry)
                    progress("archiving", done.baskets, limit, f"{done.seen:,} looked at, {done.events:,} events moved")
                    if after is None or done.baskets == limit:
                        break
                else:
                    outcome.interrupted = True
            while not dry and await container.archive_index.drop_empty_partition() is not None:
                pass
    except TimeoutError as error:
        raise ArchiveBusy("an archiver works already (checkout status): it archives what this command would") from error
    return outcome


async def bring_back_selected(container: Container, stop: asyncio.Event, selection: ArchiveSelection) -> int:
    """Brings a selection back, and returns how many baskets came. Raises CheckoutError, and Interrupted."""
    total, restored, after = await container.archive_index.count(selection), 0, ""
    with progress_bars() as progress:
        while page := await container.archive_index.page(selection, after, PAGE_BASKETS):
            restored += len(await container.archive.restore([row.basket_id for row in page]))
            after = page[-1].basket_id
            progress("bringing back", restored, total)
            if stop.is_set():
                raise Interrupted
    return restored


async def bring_back(container: Container, basket_ids: Sequence[str]) -> tuple[Collection[str], Collection[str]]:
    """The baskets that came back, and those that nobody knows. Raises CheckoutError."""
    restored = await container.archive.restore(basket_ids)
    known = await container.archive_index.find(basket_ids)
    missing = set(basket_ids) - known.keys()
    return restored, missing - {*await container.archive_index.in_store(missing)}
