"""What people see of dead letters."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic_core import from_json
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from domain.operating.dead_letters import Content, Letter, LetterPage, Outcome, ShownLetter

_STYLES = {"done": "green", "failed": "red", "waits": "yellow", "left": "yellow", "busy": "yellow"}
LONGEST_ERROR_IN_A_LIST = 100
LONGEST_VALUE = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show_page(page: LetterPage, console: Console | None = None) -> None:
    """A table, and how to see the next page."""
    out = console or Console(highlight=False)
    if not page.letters:
        out.print("No dead letters.")
        return
    table = Table("no.", "buried", "topic and code", "basket and error", box=None, header_style="dim")
    for letter in page.letters:
        about = _visible(letter.basket_id or "", style="bold" if letter.parks else "")
        table.add_row(
            str(letter.id),
            _time(letter.recorded_at),
            Text("\n").join([_visible(letter.topic), _visible(letter.code)]),
            Text("\n").join([about, _state(letter)] if letter.basket_id else [_state(letter)]),
        )
    out.print(table)
    if any(letter.parks for letter in page.letters):
        out.print("The views of baskets in bold wait for their letters.", style="dim")
    if page.next_cursor is not None:
        out.print(f"More: --cursor {page.next_cursor}", style="dim")


def show_letter(shown: ShownLetter, console: Console | None = None) -> None:
    """Everything about a letter; a value that is JSON is set out in lines."""
    out = console or Console(highlight=False)
    letter = shown.letter
    grid = Table.grid(padding=(0, 2))
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
    ):
        if value:
            grid.add_row(Text(name, style="dim"), _visible(value))
    for header in shown.headers:
        grid.add_row(Text("header", style="dim"), _visible(f"{header.name}: {_plain(header.value)}"))
    out.print(grid)
    out.print(Text("value", style="dim"))
    out.print(_pretty(shown.value))


def show_outcomes(outcomes: Sequence[Outcome], console: Console | None = None) -> None:
    """A line for each letter, and how many were settled."""
    out = console or Console(highlight=False)
    for outcome in outcomes:
        line = Text(f"{outcome.id}  ")
        line.append(outcome.result, style=_STYLES.get(outcome.result, ""))
        line.append_text(_visible(f"  {outcome.words}"))
        if outcome.along:
            line.append(f"; along with it: {', '.join(map(str, outcome.along))}")
        out.print(line, soft_wrap=True)
    if len(outcomes) != 1:
        out.print(f"{_settled(outcomes)} settled, {_left(outcomes)} not.")


def document(outcomes: Sequence[Outcome], *, error: str | None, interrupted: bool) -> str:
    """One line of JSON."""
    return json.dumps(
        {
            "settled": _settled(outcomes),
            "notSettled": _left(outcomes),
            "outcomes": [outcome.model_dump(mode="json") for outcome in outcomes],
            "error": error,
            "interrupted": interrupted,
        }
    )


def _settled(outcomes: Sequence[Outcome]) -> int:
    return sum(1 + len(outcome.along) for outcome in outcomes if outcome.result == "done")


def _left(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.result not in {"done", "settled"} for outcome in outcomes)


def _state(letter: Letter) -> Text:
    if letter.settled_at is not None:
        return Text(f"{letter.settled_by} {_time(letter.settled_at)}", style="dim")
    words = letter.last_error or letter.error
    if len(words) > LONGEST_ERROR_IN_A_LIST:
        words = f"{words[:LONGEST_ERROR_IN_A_LIST]}…"
    tried = f" (tried {letter.tries} times)" if letter.tries else ""
    return _visible(" ".join(words.split()) + tried)


def _plain(content: Content | None) -> str:
    if content is None:
        return ""
    return content.text if content.encoding == "utf-8" else f"{content.text} (in base 64)"


def _visible(text: str, style: str = "") -> Text:
    """Anybody may have written it: it must not tell the terminal what to do."""
    return Text(_CONTROL.sub("\ufffd", text), style=style)


def _pretty(content: Content | None) -> Syntax | Text:
    if content is None:
        return Text("none", style="dim")
    if (more := len(content.text) - LONGEST_VALUE) > 0:
        begin = _visible(content.text[:LONGEST_VALUE])
        return begin.append(f"\n… and {more:,} characters more; --json has them all", style="dim")
    if content.encoding == "utf-8":
        try:
            set_out = json.dumps(from_json(content.text), indent=2, ensure_ascii=False)
            return Syntax(_visible(set_out).plain, "json", word_wrap=True)
        except ValueError:
            pass
    return _visible(_plain(content))


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else ""
