"""The only output of commands, on a terminal or in a pipe.

Text by others (ids, reasons, errors, messages) is escaped here, so that no command can forget it. Nothing is ever
cut: on a narrow terminal a table becomes records of several lines, and in a pipe it is tab-separated.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from domain.shared.printable import printable, printable_json

if TYPE_CHECKING:
    from rich.text import Text

StyledText = str | tuple[str, str]
"""Text, or text and its style, such as `bold red`. Only terminals show styles."""

GAP = 2
"""Characters between two columns of a table."""

MAX_UPDATES = 200
"""Of one progress bar."""

Wide = Annotated[
    bool,
    typer.Option("--wide", help="On a terminal: all columns in one line each, however narrow it is."),
]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table. `right`: aligned to the right, for numbers.

    An `optional` column is left out, and named, where the terminal is wide enough only for the others.
    """

    name: str
    right: bool = False
    optional: bool = False


class Output:
    """Writes to stdout, or to `stream`. `wide`: tables stay tables on a narrow terminal.

    With a `width` the stream counts as a terminal of that width.
    """

    def __init__(self, stream: TextIO | None = None, *, wide: bool = False, width: int | None = None) -> None:
        self._stream = stream
        self._wide = wide
        self._width = width

    @property
    def stream(self) -> TextIO:
        return self._stream or sys.stdout

    @property
    def terminal(self) -> bool:
        return self._width is not None or self.stream.isatty()

    @property
    def width(self) -> int:
        return self._width or shutil.get_terminal_size().columns

    def say(self, *pieces: StyledText, style: str = "") -> None:
        """One line of any length. A terminal wraps it, and copies it whole."""
        parts = (piece if isinstance(piece, tuple) else (piece, style) for piece in pieces)
        self.write([(printable(text), style) for text, style in parts])

    def note(self, *pieces: StyledText) -> None:
        """A hint, such as how to go on. On stderr where stdout is a pipe."""
        if self.terminal:
            self.say(*pieces, style="dim")
        else:
            Output(sys.stderr).say(*pieces)

    def table(
        self,
        columns: Sequence[TableColumn | str],
        rows: Iterable[Sequence[StyledText]],
        *,
        headed: bool = True,
    ) -> None:
        """A table, or records where a narrow terminal has no room for it. Each row has a cell for each column."""
        all_columns = [TableColumn(each) if isinstance(each, str) else each for each in columns]
        cells = [[_safe(cell) for cell in row] for row in rows]
        if not self.terminal:
            for line in ([[column.name for column in all_columns]] if headed else []) + [
                [text for text, _ in row] for row in cells
            ]:
                self.write([("\t".join(line), "")])
            return
        kept = self._that_fit(all_columns, cells)
        if kept is None:
            self._records(all_columns, cells)
            return
        self._lines([all_columns[at] for at in kept], [[row[at] for at in kept] for row in cells], headed)
        left_out = [column.name for at, column in enumerate(all_columns) if at not in kept]
        if left_out:
            self.say(f"left out: {', '.join(left_out)}; --wide shows all", style="dim")

    def write(self, pieces: Sequence[tuple[str, str]]) -> None:
        """One line of text that is escaped already."""
        if not self.terminal:
            _print("".join(text for text, _ in pieces), self.stream)
            return
        from rich.console import Console

        Console(file=self.stream, width=self.width, highlight=False).print(_text(pieces), soft_wrap=True)

    def _that_fit(self, columns: Sequence[TableColumn], cells: Sequence[Sequence[StyledText]]) -> list[int] | None:
        """The columns that fit side by side, without some optional ones; None where even the others do not."""
        widths = _widths(columns, cells)
        kept = [*range(len(columns))]
        while not self._wide and sum(widths[at] for at in kept) + GAP * (len(kept) - 1) > self.width:
            optional = [at for at in kept if columns[at].optional]
            if not optional:
                return None
            kept.remove(optional[-1])
        return kept

    def _lines(self, columns: Sequence[TableColumn], cells: Sequence[Sequence[tuple[str, str]]], headed: bool) -> None:
        widths = _widths(columns, cells)
        head = [[(column.name, "dim") for column in columns]] if headed else []
        for row in (*head, *cells):
            line: list[tuple[str, str]] = []
            for at, (column, (text, style)) in enumerate(zip(columns, row, strict=True)):
                padding = " " * (widths[at] - _cell_width(text))
                last = at == len(columns) - 1
                line += [(padding, ""), (text, style)] if column.right else [(text, style)]
                line += [("" if column.right or last else padding, ""), ("" if last else " " * GAP, "")]
            while line and not line[-1][0].strip():
                line.pop()
            self.write(line)

    def _records(self, columns: Sequence[TableColumn], cells: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Each row in several lines: its first cell, then the others with their names."""
        for (first, style), *others in cells:
            self.write([(f"{columns[0].name}: ", "dim"), (first, style or "bold")])
            line: list[tuple[str, str]] = []
            room = 0
            for column, (text, text_style) in zip(columns[1:], others, strict=True):
                if not text:
                    continue
                chunk = [(f"{column.name}: ", "dim"), (text, text_style)]
                wanted = GAP + _cell_width(column.name) + 2 + _cell_width(text)
                if line and wanted > room:
                    self.write(line)
                    line = []
                if not line:
                    room = self.width
                line += [(" " * GAP, ""), *chunk]
                room -= wanted
            if line:
                self.write(line)


STDOUT = Output()


class BufferedOutput(Output):
    """Keeps lines for a screen that is drawn again and again."""

    def __init__(self, *, wide: bool = False) -> None:
        super().__init__(wide=wide, width=shutil.get_terminal_size().columns)
        self.lines: list[Text] = []

    def write(self, pieces: Sequence[tuple[str, str]]) -> None:
        self.lines.append(_text(pieces))


@contextmanager
def full_screen() -> Iterator[Callable[[BufferedOutput], None]]:
    """Takes the whole terminal for the block. Yields a function that replaces its content."""
    from rich.console import Console, Group
    from rich.live import Live

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        yield lambda content: live.update(Group(*content.lines), refresh=True)


def echo(*pieces: StyledText) -> None:
    """One line on stdout."""
    STDOUT.say(*pieces)


def echo_json(value: object, *, indent: int | None = None) -> None:
    """Prints a value, which may contain models, as JSON on stdout; in one line unless it is indented."""
    dump = getattr(value, "model_dump_json", None)
    text = dump() if dump else json.dumps(value, ensure_ascii=False, indent=indent, default=_to_json)
    _print(printable_json(text))


def echo_error(error: object, who: str = "checkout") -> None:
    """Prints an error on stderr. Further lines are indented, so that none looks like another message."""
    first, *others = str(error).split("\n")
    out = Output(sys.stderr)
    out.say(f"{who}: {first}")
    for line in others:
        out.say(f"  {line}")


def echo_page(text: str) -> None:
    """Prints a page of many lines."""
    for line in text.splitlines():
        _print(printable(line))


def confirm(question: str) -> bool:
    """Whether the user says yes. Without a user: no."""
    return prompt(f"{question} [y/N]").strip().lower() in ("y", "yes")


def prompt(question: str) -> str:
    """The answer of the user. Without a user: an empty text."""
    _print(printable(question), sys.stderr, end=": ")
    return sys.stdin.readline().rstrip("\n")


ProgressCallback = Callable[..., None]
"""Called with the name of the work, `done` (a count), `total` (None: unknown) and `said` (a remark)."""


@contextmanager
def progress_bars(*, shown: bool = True) -> Iterator[ProgressCallback]:
    """Shows a progress bar on stderr for each name, during the block; none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as progress:
        tasks: dict[str, TaskID] = {}
        moved: dict[str, int] = {}

        def move(what: str, done: int, total: int | None = None, said: str = "") -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(printable(what), total=total or None, said="")
            elif total and done < total and done - moved[what] < total // MAX_UPDATES:
                return
            moved[what] = done
            # A total that was never given stays unknown, and does not become 0.
            known = total or progress.tasks[progress.task_ids.index(tasks[what])].total
            progress.update(tasks[what], completed=done, total=known, said=printable(said))

        yield move


def _safe(cell: StyledText) -> tuple[str, str]:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return printable(text), style


def _widths(columns: Sequence[TableColumn], cells: Sequence[Sequence[StyledText]]) -> list[int]:
    return [
        max([_cell_width(column.name), *(_cell_width(row[at][0]) for row in cells)])
        for at, column in enumerate(columns)
    ]


def _cell_width(text: str) -> int:
    """The width of the text on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _text(pieces: Sequence[tuple[str, str]]) -> Text:
    from rich.text import Text

    return Text.assemble(*pieces)


def _print(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    print(text, end=end, file=stream or sys.stdout, flush=True)


def _to_json(value: Any) -> Any:
    return value.model_dump(mode="json")
