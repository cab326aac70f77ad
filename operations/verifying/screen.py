"""How a verification is shown: how far it is, and what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from domain.operating.drifts import Drift
from operations import runner
from operations.verifying.running import Answer, Asked, Told, run_verification

DRIFTS_SHOWN = 40


def run(asked: Asked) -> Answer:
    """Shows how far it is on stderr; raises what `run_verification` raises."""
    with _bars() as told:
        return runner.run(run_verification(asked, told))


@contextmanager
def _bars() -> Iterator[Told]:
    """A progress bar for each thing that is done, for the block."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, count: int, total: int | None) -> None:
            # What was never counted is not known, and not nothing.
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total or None)
            elif total:
                progress.update(tasks[what], total=total)
            progress.advance(tasks[what], count)

        yield told


def document(answer: Answer) -> dict[str, Any]:
    """All that is known of it."""
    state, repaired = answer.state, answer.repaired
    return {
        "complete": answer.complete,
        "differs": answer.differs,
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
            "mended": {id: sorted(kinds) for id, kinds in repaired.mended.items()},
            "left": [_document(drift) for drift in repaired.left],
        },
        "seconds": round(answer.seconds, 3),
    }


def _document(drift: Drift) -> dict[str, Any]:
    return {**drift.model_dump(mode="json"), "repairable": drift.repairable}


def show(asked: Asked, answer: Answer, console: Console | None = None) -> None:
    """The same for people."""
    out = console or Console(highlight=False)
    state = answer.state
    rows = f" and {state.catalogue_rows:,} catalogue rows and facts" if state.catalogue_rows else ""
    out.print(
        f"{state.baskets:,} baskets of {state.events:,} events{rows} were verified in {answer.seconds:.1f} s.",
        soft_wrap=True,
    )
    if state.published_up_to is not None:
        out.print(_published(state.publisher, state.published_up_to), soft_wrap=True)
    for topic in state.topics:
        out.print(f"{topic.topic}: {topic.messages:,} messages, {_comparable(topic.comparable_from)}.")
        if topic.unexplained:
            out.print(f"  {topic.unexplained:,} baskets more are not as they should be there.")
    if not asked.kafka:
        out.print("Kafka was not looked at.")
    if state.counts:
        out.print(_table(state.drifts))
        more = sum(state.counts.values()) - min(len(state.drifts), DRIFTS_SHOWN)
        if more > 0:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in state.counts.most_common())
            out.print(f"and {more:,} more; in all {counts}. --json names them.", soft_wrap=True)
    elif answer.complete:
        out.print("Everything is as the events say.", style="green")
    if answer.repaired is not None:
        out.print(
            f"{len(answer.repaired.mended):,} baskets were mended, {len(answer.repaired.left):,} things are left."
        )
    if not answer.complete:
        out.print("It was interrupted. " + _how_to_go_on(asked), markup=False, soft_wrap=True)


def _table(drifts: Sequence[Drift]) -> Table:
    table = Table("what", "which", "version", "in words", box=None, header_style="dim")
    for drift in drifts[:DRIFTS_SHOWN]:
        where = f" ({drift.topic})" if drift.topic else ""
        version = "" if drift.version is None else str(drift.version)
        style = "yellow" if drift.repairable else "red"
        table.add_row(Text(drift.kind, style=style), drift.subject, version, Text(drift.words + where))
    return table


def _published(publisher: str | None, position: int) -> str:
    if position == 0:
        return f"Nothing is recorded of the publisher {publisher}, so no message can be missed of it."
    return f"The publisher {publisher} has come to position {position:,}."


def _comparable(position: int | None) -> str:
    if position is None:
        return "which can be compared in part only: of some partitions retention left nothing"
    return "compared from the first event" if position == 0 else f"compared from position {position:,} on"


def _how_to_go_on(asked: Asked) -> str:
    if not asked.everything:
        return "Nothing was changed by looking."
    if asked.resume is None:
        return "Name a file with --resume, and it can go on where it was interrupted."
    return f"Go on with the same command: {asked.resume} knows how far it came."
