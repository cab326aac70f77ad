"""Shows rebuilds to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from cli.output import STDOUT, Output, TableColumn, progress_bars
from domain.operators.rebuild import Rebuild, RebuildComparison
from domain.shared.formatting import format_time

STATES = {
    "building": "building",
    "comparing": "comparing",
    "switching": "switching",
    "switched": "is live",
    "rolled-back": "is rolled back",
    "mended": "is repaired",
    "compared": "is compared; nothing was changed",
    "cancelled": "was stopped",
    "failed": "failed",
    "abandoned": "is abandoned",
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
MAX_SAMPLES = 20


@contextmanager
def progress_bar() -> Iterator[Callable[[Rebuild], None]]:
    """A bar on stderr, with the rate and the time left."""
    with progress_bars() as move:

        def progress(rebuild: Rebuild) -> None:
            waits = f", waits for {rebuild.waiting_for}" if rebuild.waiting_for else ""
            state = f"{STATES[rebuild.state]}{waits} {_pace(rebuild)}"
            move("rebuilding", rebuild.done, rebuild.total or None, state)

        yield progress


def _pace(rebuild: Rebuild) -> str:
    if not rebuild.rate:
        return ""
    eta = rebuild.eta_seconds
    left = f", {timedelta(seconds=round(eta))} left" if eta is not None else ""
    return f"{rebuild.rate:,.0f} a second{left}"


def show(rebuild: Rebuild, out: Output = STDOUT) -> None:
    sources = "facts" if rebuild.target == "catalogue" else "events"
    seconds = ((rebuild.ended_at or rebuild.beaten_at) - rebuild.started_at).total_seconds()
    state = "was interrupted" if rebuild.interrupted else STATES[rebuild.state]
    out.say(
        f"Rebuild {rebuild.id} of {rebuild.target} {state}: {rebuild.done:,} {sources} in {rebuild.rows:,} rows, "
        f"{seconds:.1f} s."
    )
    if rebuild.error:
        out.say(rebuild.error)
    if rebuild.comparison is not None:
        show_comparison(rebuild.comparison, out)
    if rebuild.state in ("cancelled", "failed") and rebuild.scope.everything and not rebuild.dry_run:
        out.say("It goes on with --resume; --abandon drops what was built.")


def show_comparison(comparison: RebuildComparison, out: Output = STDOUT) -> None:
    counts = [[words, f"{count:,}"] for kind, words in KINDS.items() if (count := getattr(comparison, kind))]
    out.table(("live rows before", TableColumn("number", right=True)), counts)
    for sample in comparison.samples[:MAX_SAMPLES]:
        live, rebuilt = (
            "none" if version is None else str(version) for version in (sample.live_version, sample.rebuilt_version)
        )
        out.say(f"  {sample.subject}: {sample.words} (live {live}, rebuilt {rebuilt})")


def show_all(rebuilds: Sequence[Rebuild], out: Output = STDOUT) -> None:
    rows = [
        [
            each.id,
            each.target,
            "interrupted" if each.interrupted else each.state,
            f"{each.done:,}",
            format_time(each.started_at, separator=" "),
            each.operator.actor,
        ]
        for each in rebuilds
    ]
    out.table(("rebuild", "of", "state", TableColumn("done", right=True), "began", "by"), rows)
