"""How a verification is shown: how far it is, and what it found."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cli import runner
from cli.output import (
    STDOUT,
    Output,
    StyledText,
    TableColumn,
    progress_bars,
)
from cli.verify.execution import VerifyOptions, VerifyOutcome, run_verification
from domain.operators.verify.inconsistencies import Inconsistency

DRIFTS_SHOWN = 40


def run(asked: VerifyOptions) -> VerifyOutcome:
    """Shows how far it is on stderr; raises what `run_verification` raises."""
    done = Counter[str]()
    totals: dict[str, int] = {}
    with progress_bars() as moved:

        def told(what: str, count: int, total: int | None) -> None:
            done[what] += count
            if total:
                totals[what] = total
            moved(what, done[what], totals.get(what))

        return runner.run_async(run_verification(asked, told))


def document(answer: VerifyOutcome) -> dict[str, Any]:
    """All that is known of it."""
    state, repaired = answer.state, answer.repaired
    return {
        "complete": answer.complete,
        "differs": answer.differs,
        "notLookedAt": [each.model_dump() for each in answer.not_looked_at],
        "baskets": state.baskets,
        "events": state.events,
        "catalogueRows": state.catalogue_rows,
        "publisher": state.publisher,
        "publishedUpTo": state.published_up_to,
        "topics": [topic.model_dump(mode="json") for topic in state.topics],
        "counts": dict(state.counts),
        "differences": [_document(drift) for drift in state.drifts],
        "repaired": None
        if repaired is None
        else {
            "mended": {id: sorted(kinds) for id, kinds in repaired.repaired.items()},
            "left": [_document(drift) for drift in repaired.remaining],
        },
        "seconds": round(answer.seconds, 3),
    }


def _document(drift: Inconsistency) -> dict[str, Any]:
    return {**drift.model_dump(mode="json"), "repairable": drift.repairable}


def show(asked: VerifyOptions, answer: VerifyOutcome, out: Output = STDOUT) -> None:
    """The same for people."""
    state = answer.state
    rows = f" and {state.catalogue_rows:,} catalogue rows and facts" if state.catalogue_rows else ""
    out.say(
        f"{state.baskets:,} baskets of {state.events:,} events{rows} were verified in {answer.seconds:.1f} s."
    )
    if state.published_up_to is not None:
        out.say(_published(state.publisher, state.published_up_to))
    for topic in state.topics:
        out.say(f"{topic.topic}: {topic.messages:,} messages, {_comparable(topic.comparable_from)}.")
        if topic.unexplained:
            out.say(f"  {topic.unexplained:,} baskets more are not as they should be there.")
    if state.counts:
        out.table(DRIFTS, [_row(drift) for drift in state.drifts[:DRIFTS_SHOWN]])
        more = sum(state.counts.values()) - min(len(state.drifts), DRIFTS_SHOWN)
        if more > 0:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in state.counts.most_common())
            out.say(f"and {more:,} more; in all {counts}. --json names them.")
    elif answer.complete and not state.differs:
        said = "What was looked at" if answer.not_looked_at else "Everything"
        out.say(f"{said} is as the events say.", style="green")
    for each in answer.not_looked_at:
        out.say(f"Not looked at: {each.what}: {each.why}.", style="yellow" if each.asked else "")
    if answer.repaired is not None:
        out.say(
            f"{len(answer.repaired.repaired):,} baskets were mended, {len(answer.repaired.remaining):,} things are left."
        )
    if not answer.complete:
        out.say("It was interrupted. " + _how_to_go_on(asked))


DRIFTS = ("what", "which", TableColumn("version", right=True), "topic", "in words")


def _row(drift: Inconsistency) -> list[StyledText]:
    return [
        (drift.kind, "yellow" if drift.repairable else "red"),
        drift.subject,
        "" if drift.version is None else str(drift.version),
        drift.topic or "",
        drift.words,
    ]


def _published(publisher: str | None, position: int) -> str:
    if position == 0:
        return f"Nothing is recorded of the publisher {publisher}, so no message can be missed of it."
    return f"The publisher {publisher} has come to position {position:,}."


def _comparable(position: int | None) -> str:
    if position is None:
        return "which can be compared in part only: of some partitions retention left nothing"
    return "compared from the first event" if position == 0 else f"compared from position {position:,} on"


def _how_to_go_on(asked: VerifyOptions) -> str:
    if not asked.everything:
        return "Nothing was changed by looking."
    if asked.resume is None:
        return "Name a file with --resume, and it can go on where it was interrupted."
    return f"Go on with the same command: {asked.resume} knows how far it came."
