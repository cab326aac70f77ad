"""How a rebuild is shown to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from cli.output import (
    STDOUT,
    Output,
    TableColumn,
    progress_bars,
)
from domain.operators.rebuild import Rebuild, RebuildComparison

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
    with progress_bars() as moved:

        def told(stands: Rebuild) -> None:
            waits = f", waits for {stands.waiting_for}" if stands.waiting_for else ""
            said = f"{WORDS[stands.state]}{waits} {pace(stands)}"
            moved("rebuilding", stands.done, stands.total or None, said)

        yield told


def pace(stands: Rebuild) -> str:
    """How fast it goes, and how long it will take yet."""
    if not stands.rate:
        return ""
    left = f", {timedelta(seconds=round(stands.eta_seconds))} left" if stands.eta_seconds is not None else ""
    return f"{stands.rate:,.0f} a second{left}"


def show(stands: Rebuild, out: Output = STDOUT) -> None:
    """How it stands, or ended."""
    of = "facts" if stands.target == "catalogue" else "events"
    seconds = ((stands.ended_at or stands.beaten_at) - stands.started_at).total_seconds()
    state = "was interrupted" if stands.interrupted else WORDS[stands.state]
    out.say(
        f"Rebuild {stands.id} of {stands.target} {state}: {stands.done:,} {of} in {stands.rows:,} rows, "
        f"{seconds:.1f} s."
    )
    if stands.error:
        out.say(stands.error)
    if stands.comparison is not None:
        show_comparison(stands.comparison, out)
    if stands.state in ("cancelled", "failed") and stands.scope.everything and not stands.dry_run:
        out.say("It goes on with --resume; --abandon drops what was built.")


def show_comparison(comparison: RebuildComparison, out: Output = STDOUT) -> None:
    counts = [[words, f"{count:,}"] for kind, words in KINDS.items() if (count := getattr(comparison, kind))]
    out.table(("live rows before", TableColumn("number", right=True)), counts)
    for sample in comparison.samples[:SAMPLES_SHOWN]:
        versions = f"live {_version(sample.live_version)}, rebuilt {_version(sample.rebuilt_version)}"
        out.say(f"  {sample.subject}: {sample.words} ({versions})")


def show_all(rebuilds: list[Rebuild], out: Output = STDOUT) -> None:
    """The newest rebuilds, a line each."""
    rows = [
        [
            each.id,
            each.target,
            "interrupted" if each.interrupted else each.state,
            f"{each.done:,}",
            f"{each.started_at:%Y-%m-%d %H:%M:%S}Z",
            each.operator.actor,
        ]
        for each in rebuilds
    ]
    out.table(("rebuild", "of", "state", TableColumn("done", right=True), "began", "by"), rows)


def _version(version: int | None) -> str:
    return "none" if version is None else str(version)
