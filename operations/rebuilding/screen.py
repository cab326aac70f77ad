"""How a rebuild is shown to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from domain.operating.rebuilding import Rebuild, RebuildComparison

WORDS = {
    "building": "building",
    "comparing": "comparing",
    "switching": "switching",
    "switched": "is live",
    "rolled-back": "is rolled back",
    "mended": "is mended",
    "compared": "is compared; nothing was changed",
    "cancelled": "was stopped",
    "failed": "failed",
    "abandoned": "is given up",
}

KINDS = {
    "same": "the same",
    "differs": "says something else",
    "missing": "has no live row",
    "surplus": "live row without history",
    "unfoldable": "history that cannot be folded to its end",
    "stale": "live row stands still",
    "live_behind": "live row a moment behind",
    "live_ahead": "live row went on meanwhile",
}
SAMPLES_SHOWN = 20


@contextmanager
def progress_bar() -> Iterator[Callable[[Rebuild], None]]:
    """A bar with rate and time left for the block, on stderr."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task("beginning", total=None, rate="")

        def told(stands: Rebuild) -> None:
            waits = f", waits for {stands.waiting_for}" if stands.waiting_for else ""
            progress.update(
                task,
                description=WORDS[stands.state] + waits,
                completed=stands.done,
                total=stands.total or None,
                rate=pace(stands),
            )

        yield told


def pace(stands: Rebuild) -> str:
    """How fast it goes, and how long it will take yet."""
    if not stands.rate:
        return ""
    left = f", {timedelta(seconds=round(stands.eta_seconds))} left" if stands.eta_seconds is not None else ""
    return f"{stands.rate:,.0f} a second{left}"


def show(stands: Rebuild, console: Console | None = None) -> None:
    """How it stands, or ended."""
    out = console or Console(highlight=False)
    of = "facts" if stands.target == "catalogue" else "events"
    seconds = ((stands.ended_at or stands.beaten_at) - stands.started_at).total_seconds()
    state = "was interrupted" if stands.interrupted else WORDS[stands.state]
    out.print(
        f"Rebuild {stands.id} of {stands.target} {state}: {stands.done:,} {of} in {stands.rows:,} rows, "
        f"{seconds:.1f} s.",
        soft_wrap=True,
    )
    if stands.error:
        out.print(Text(stands.error), soft_wrap=True)
    if stands.comparison is not None:
        show_comparison(stands.comparison, out)
    if stands.state in ("cancelled", "failed") and stands.scope.everything and not stands.dry_run:
        out.print("It goes on with --resume; --abandon drops what was built.")


def show_comparison(comparison: RebuildComparison, out: Console) -> None:
    table = Table("live rows before", "number", box=None, header_style="dim")
    for kind, words in KINDS.items():
        if count := getattr(comparison, kind):
            table.add_row(words, f"{count:,}")
    out.print(table)
    for sample in comparison.samples[:SAMPLES_SHOWN]:
        versions = f"live {_version(sample.live_version)}, rebuilt {_version(sample.rebuilt_version)}"
        out.print(Text(f"  {sample.subject}: {sample.words} ({versions})"), soft_wrap=True)


def show_all(rebuilds: list[Rebuild]) -> None:
    """The newest rebuilds, a line each."""
    table = Table("rebuild", "of", "state", "done", "began", "by", box=None, header_style="dim")
    for each in rebuilds:
        table.add_row(
            each.id,
            each.target,
            "interrupted" if each.interrupted else each.state,
            f"{each.done:,}",
            f"{each.started_at:%Y-%m-%d %H:%M:%S}Z",
            Text(each.operator.actor),
        )
    Console(highlight=False).print(table)


def _version(version: int | None) -> str:
    return "none" if version is None else str(version)
