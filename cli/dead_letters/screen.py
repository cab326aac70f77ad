"""Shows dead letters to people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from cli.output import STDOUT, Output, StyledText, TableColumn
from domain.operators.dead_letters.model import (
    DeadLetterDetails,
    DeadLetterPage,
    DeadLetterSummary,
    ReadableContent,
    ResolutionResult,
)
from domain.shared.formatting import format_time

_STYLES = {"done": "green", "failed": "red", "waits": "yellow", "left": "yellow", "busy": "yellow"}
MAX_VALUE_LENGTH = 20_000

COLUMNS = (
    TableColumn("no.", right=True),
    "recorded",
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


def show_letter(details: DeadLetterDetails, out: Output = STDOUT) -> None:
    """Everything about a letter. A value that is JSON is indented."""
    letter = details.letter
    waits = ", its view waits" if letter.parks else ""
    for name, value in (
        ("letter", str(letter.id)),
        ("kind", letter.kind),
        ("lay", f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"),
        ("recorded", _time(letter.recorded_at)),
        ("code", letter.code),
        ("error", letter.error),
        ("basket", f"{letter.basket_id}{waits}" if letter.basket_id else ""),
        ("tries", f"{letter.tries}, the last {_time(letter.tried_at)}" if letter.tried_at else "none"),
        ("newest error", letter.last_error or ""),
        ("settled", f"{letter.settled_by} {_time(letter.settled_at)}" if letter.settled_at else "no"),
        ("waits for", f"letter {details.waits_for}" if details.waits_for is not None else ""),
        ("retry", details.retry),
        ("skip", details.skip),
        ("key", _plain(details.key)),
        *(("header", f"{header.name}: {_plain(header.value)}") for header in details.headers),
    ):
        if value:
            out.say((f"{name:<14}", "dim"), value)
    out.say("value", style="dim")
    for line in _lines(details.value):
        out.say(line)


def show_results(results: Sequence[ResolutionResult], out: Output = STDOUT) -> None:
    """A line for each letter, and how many were settled."""
    for result in results:
        along = f"; along with it: {', '.join(map(str, result.along))}" if result.along else ""
        style = _STYLES.get(result.result, "")
        out.say(f"{result.id}  ", (result.result, style), f"  {result.words}{along}")
    if len(results) != 1:
        out.say(f"{_settled(results)} settled, {_not_settled(results)} not.")


def results_json(results: Sequence[ResolutionResult], *, error: str | None, interrupted: bool) -> dict[str, Any]:
    return {
        "settled": _settled(results),
        "notSettled": _not_settled(results),
        "outcomes": [result.model_dump(mode="json") for result in results],
        "error": error,
        "interrupted": interrupted,
    }


def _settled(results: Sequence[ResolutionResult]) -> int:
    return sum(1 + len(result.along) for result in results if result.result == "done")


def _not_settled(results: Sequence[ResolutionResult]) -> int:
    return sum(result.result not in {"done", "settled"} for result in results)


def _plain(content: ReadableContent | None) -> str:
    if content is None:
        return ""
    return content.text if content.encoding == "utf-8" else f"{content.text} (in base 64)"


def _lines(content: ReadableContent | None) -> Iterable[str]:
    if content is None:
        return ["none"]
    if (more := len(content.text) - MAX_VALUE_LENGTH) > 0:
        begin = content.text[:MAX_VALUE_LENGTH].split("\n")
        return [*begin, f"… and {more:,} characters more; --json has them all"]
    if content.encoding == "utf-8":
        try:
            return json.dumps(from_json(content.text), indent=2, ensure_ascii=False).split("\n")
        except ValueError:
            pass
    return _plain(content).split("\n")


def _time(moment: datetime | None) -> str:
    return format_time(moment, separator=" ") if moment else ""
