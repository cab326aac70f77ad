"""Shows the progress and the outcome of a verification."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cli.output import STDOUT, Output, StyledText, TableColumn, progress_bars
from cli.runner import run_interruptible
from cli.verify.outcome import VerifyOptions, VerifyOutcome
from cli.verify.run import run_verification
from domain.operators.verify.inconsistencies import Inconsistency

MAX_ROWS = 40
COLUMNS = ("what", "which", TableColumn("version", right=True), "topic", "in words")


def run(options: VerifyOptions) -> VerifyOutcome:
    """Shows progress bars on stderr. Raises what `run_verification` raises."""
    done = Counter[str]()
    totals: dict[str, int] = {}
    with progress_bars() as move:

        def progress(what: str, count: int, total: int | None) -> None:
            done[what] += count
            if total:
                totals[what] = total
            move(what, done[what], totals.get(what))

        return run_interruptible(lambda container, stop: run_verification(options, progress, container, stop))


def document(outcome: VerifyOutcome) -> dict[str, Any]:
    """The output of --json."""
    found, repaired = outcome.checkpoint, outcome.repaired
    return {
        "complete": outcome.complete,
        "differs": outcome.differs,
        "notLookedAt": [each.model_dump() for each in outcome.skipped],
        "baskets": found.baskets,
        "events": found.events,
        "catalogueRows": found.catalogue_rows,
        "publisher": found.publisher,
        "publishedUpTo": found.published_up_to,
        "topics": [topic.model_dump(mode="json") for topic in found.topics],
        "counts": dict(found.counts),
        "differences": [_document(each) for each in found.drifts],
        "repaired": None
        if repaired is None
        else {
            "mended": {id: sorted(kinds) for id, kinds in repaired.repaired.items()},
            "left": [_document(each) for each in repaired.remaining],
        },
        "seconds": round(outcome.seconds, 3),
    }


def _document(found: Inconsistency) -> dict[str, Any]:
    return {**found.model_dump(mode="json"), "repairable": found.repairable}


def show(options: VerifyOptions, outcome: VerifyOutcome, out: Output = STDOUT) -> None:
    """The output for people."""
    found = outcome.checkpoint
    rows = f" and {found.catalogue_rows:,} catalogue rows and facts" if found.catalogue_rows else ""
    out.say(f"{found.baskets:,} baskets of {found.events:,} events{rows} were verified in {outcome.seconds:.1f} s.")
    if found.published_up_to is not None:
        out.say(_published(found.publisher, found.published_up_to))
    for topic in found.topics:
        out.say(f"{topic.topic}: {topic.messages:,} messages, {_comparable(topic.comparable_from)}.")
        if topic.unexplained:
            out.say(f"  {topic.unexplained:,} more baskets are inconsistent there.")
    if found.counts:
        out.table(COLUMNS, [_row(each) for each in found.drifts[:MAX_ROWS]])
        more = sum(found.counts.values()) - min(len(found.drifts), MAX_ROWS)
        if more > 0:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.most_common())
            out.say(f"and {more:,} more; in all {counts}. --json names them.")
    elif outcome.complete and not found.differs:
        what = "What was looked at" if outcome.skipped else "Everything"
        out.say(f"{what} is as the events say.", style="green")
    for each in outcome.skipped:
        out.say(f"Not looked at: {each.what}: {each.why}.", style="yellow" if each.asked else "")
    if outcome.repaired is not None:
        repaired, remaining = len(outcome.repaired.repaired), len(outcome.repaired.remaining)
        out.say(f"{repaired:,} baskets were repaired, {remaining:,} inconsistencies remain.")
    if not outcome.complete:
        out.say(f"It was interrupted. {_next_step(options)}")


def _row(found: Inconsistency) -> list[StyledText]:
    return [
        (found.kind, "yellow" if found.repairable else "red"),
        found.subject,
        "" if found.version is None else str(found.version),
        found.topic or "",
        found.words,
    ]


def _published(publisher: str | None, position: int) -> str:
    if position == 0:
        return f"The publisher {publisher} has no record yet, so none of its messages can be missing."
    return f"The publisher {publisher} has come to position {position:,}."


def _comparable(position: int | None) -> str:
    if position is None:
        return "which can be compared in part only: of some partitions retention left nothing"
    return "compared from the first event" if position == 0 else f"compared from position {position:,} on"


def _next_step(options: VerifyOptions) -> str:
    if not options.everything:
        return "Nothing was changed by looking."
    if options.resume is None:
        return "Name a file with --resume, and it can go on where it was interrupted."
    return f"Go on with the same command: {options.resume} knows how far it came."
