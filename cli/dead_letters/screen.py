"""What people see of dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from cli.output import (
    STDOUT,
    Output,
    StyledText,
    TableColumn,
)
from domain.operators.dead_letters.model import (
    DeadLetterDetails,
    DeadLetterPage,
    DeadLetterSummary,
    ReadableContent,
    ResolutionResult,
)

_STYLES = {"done": "green", "failed": "red", "waits": "yellow", "left": "yellow", "busy": "yellow"}
LONGEST_VALUE = 20_000

COLUMNS = (
    TableColumn("no.", right=True),
    "buried",
    "topic",
    "code",
    "basket",
    "its view waits",
    TableColumn("tries", right=True),
    "settled",
    "error",
)


def show_page(page: DeadLetterPage, out: Output = STDOUT) -> None:
    """A table, and how to see the next page."""
    if not page.letters:
        out.note("No dead letters.")
        return
    out.table(COLUMNS, [_row(letter) for letter in page.letters])
    if page.next_cursor is not None:
        out.note(f"More: --cursor {page.next_cursor}")


def _row(letter: DeadLetterSummary) -> list[StyledText]:
    return [
        str(letter.id),
        _time(letter.recorded_at),
        letter.topic,
        letter.code,
        letter.basket_id or "",
        ("yes", "bold") if letter.parks else "",
        str(letter.tries) if letter.tries else "",
        f"{letter.settled_by} {_time(letter.settled_at)}" if letter.settled_at else "",
        " ".join((letter.last_error or letter.error).split()),
    ]


def show_letter(shown: DeadLetterDetails, out: Output = STDOUT) -> None:
    """Everything about a letter; a value that is JSON is set out in lines."""
    letter = shown.letter
    for name, value in (
        ("letter", str(letter.id)),
        ("kind", letter.kind),
        ("lay", f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"),
        ("buried", _time(letter.recorded_at)),
        ("code", letter.code),
        ("error", letter.error),
        (
            "basket",
            f"{letter.basket_id}{', its view waits' if letter.parks else ''}" if letter.basket_id else "",
        ),
        ("tries", f"{letter.tries}, the last {_time(letter.tried_at)}" if letter.tried_at else "none"),
        ("newest error", letter.last_error or ""),
        ("settled", f"{letter.settled_by} {_time(letter.settled_at)}" if letter.settled_at else "no"),
        ("waits for", f"letter {shown.waits_for}" if shown.waits_for is not None else ""),
        ("retry", shown.retry),
        ("skip", shown.skip),
        ("key", _plain(shown.key)),
        *(("header", f"{header.name}: {_plain(header.value)}") for header in shown.headers),
    ):
        if value:
            out.say((f"{name:<14}", "dim"), value)
    out.say("value", style="dim")
    for line in _lines(shown.value):
        out.say(line)


def show_results(outcomes: Sequence[ResolutionResult], out: Output = STDOUT) -> None:
    """A line for each letter, and how many were settled."""
    for outcome in outcomes:
        along = f"; along with it: {', '.join(map(str, outcome.along))}" if outcome.along else ""
        style = _STYLES.get(outcome.result, "")
        out.say(f"{outcome.id}  ", (outcome.result, style), f"  {outcome.words}{along}")
    if len(outcomes) != 1:
        out.say(f"{_settled(outcomes)} settled, {_left(outcomes)} not.")


def results_json(
    outcomes: Sequence[ResolutionResult], *, error: str | None, interrupted: bool
) -> dict[str, Any]:
    """What became of all."""
    return {
        "settled": _settled(outcomes),
        "notSettled": _left(outcomes),
        "outcomes": [outcome.model_dump(mode="json") for outcome in outcomes],
        "error": error,
        "interrupted": interrupted,
    }


def _settled(outcomes: Sequence[ResolutionResult]) -> int:
    return sum(1 + len(outcome.along) for outcome in outcomes if outcome.result == "done")


def _left(outcomes: Sequence[ResolutionResult]) -> int:
    return sum(outcome.result not in {"done", "settled"} for outcome in outcomes)


def _plain(content: ReadableContent | None) -> str:
    if content is None:
        return ""
    return content.text if content.encoding == "utf-8" else f"{content.text} (in base 64)"


def _lines(content: ReadableContent | None) -> Iterable[str]:
    if content is None:
        return ["none"]
    if (more := len(content.text) - LONGEST_VALUE) > 0:
        begin = content.text[:LONGEST_VALUE].split("\n")
        return [*begin, f"… and {more:,} characters more; --json has them all"]
    if content.encoding == "utf-8":
        try:
            return json.dumps(from_json(content.text), indent=2, ensure_ascii=False).split("\n")
        except ValueError:
            pass
    return _plain(content).split("\n")


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else ""
