"""The only way out of the commands: whatever people or programs read on a terminal or in a pipe goes through here.

What others wrote (ids, reasons, errors, messages) is made safe here, so that no command can forget it. Nothing is ever
cut: on a terminal that is too narrow a table becomes records of several lines, and in a pipe it is tab-separated.
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
"""Text, or text and its style, such as `bold red`; styles show on terminals only."""

GAP = 2
"""Columns between two columns of a table."""

UPDATES = 200
"""How often a progress bar moves in all."""

Wide = Annotated[
    bool,
    typer.Option("--wide", help="On a terminal: all columns in one line each, however narrow it is."),
]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table. Figures stand at the `right`. An `optional` one is left out, and named, where the terminal
    is too narrow for it and wide enough for the others."""

    name: str
    right: bool = False
    optional: bool = False


class Output:
    """Writes to stdout, or to `stream`. `wide`: tables stay tables on a narrow terminal. `width` is the terminal's;
    given, the stream counts as one."""

    def __init__(self, stream: TextIO | None = None, *, wide: bool = False, width: int | None = None) -> None:
        self._stream = stream
        self._wide = wide
        self._width = width

    @property
    def stream(self) -> TextIO:
        """Where it goes at this moment."""
        return self._stream or sys.stdout

    @property
    def terminal(self) -> bool:
        return self._width is not None or self.stream.isatty()

    @property
    def width(self) -> int:
        return self._width or shutil.get_terminal_size().columns

    def say(self, *pieces: StyledText, style: str = "") -> None:
        """One line, however long; a terminal breaks it, and gives it back whole when it is copied."""
        parts = (piece if isinstance(piece, tuple) else (piece, style) for piece in pieces)
        self.write([(printable(text), style) for text, style in parts])

    def note(self, *pieces: StyledText) -> None:
        """A line about what is told, such as how to go on. In a pipe it is not in the way: it goes to stderr."""
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
        """Rows of as many cells as there are columns. An empty cell says nothing."""
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
        """One line of text that is safe already."""
        if not self.terminal:
            _raw("".join(text for text, _ in pieces), self.stream)
            return
        from rich.console import Console

        Console(file=self.stream, width=self.width, highlight=False).print(_text(pieces), soft_wrap=True)

    def _that_fit(
        self, columns: Sequence[TableColumn], cells: Sequence[Sequence[StyledText]]
    ) -> list[int] | None:
        """The columns that have room side by side, optional ones as far as they have; None: not even the others."""
        widths = _widths(columns, cells)
        kept = [*range(len(columns))]
        while not self._wide and sum(widths[at] for at in kept) + GAP * (len(kept) - 1) > self.width:
            optional = [at for at in kept if columns[at].optional]
            if not optional:
                return None
            kept.remove(optional[-1])
        return kept

    def _lines(
        self, columns: Sequence[TableColumn], cells: Sequence[Sequence[tuple[str, str]]], headed: bool
    ) -> None:
        widths = _widths(columns, cells)
        head = [[(column.name, "dim") for column in columns]] if headed else []
        for row in (*head, *cells):
            line: list[tuple[str, str]] = []
            for at, (column, (text, style)) in enumerate(zip(columns, row, strict=True)):
                padding = " " * (widths[at] - _columns_of(text))
                last = at == len(columns) - 1
                line += [(padding, ""), (text, style)] if column.right else [(text, style)]
                line += [("" if column.right or last else padding, ""), ("" if last else " " * GAP, "")]
            while line and not line[-1][0].strip():
                line.pop()
            self.write(line)

    def _records(self, columns: Sequence[TableColumn], cells: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Each row in several lines: its first cell, and below it the others with their names."""
        for (first, style), *others in cells:
            self.write([(f"{columns[0].name}: ", "dim"), (first, style or "bold")])
            line: list[tuple[str, str]] = []
            room = 0
            for column, (text, text_style) in zip(columns[1:], others, strict=True):
                if not text:
                    continue
                chunk = [(f"{column.name}: ", "dim"), (text, text_style)]
                wanted = GAP + _columns_of(column.name) + 2 + _columns_of(text)
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
    """Keeps what is written to it, for a screen that shows it again and again."""

    def __init__(self, *, wide: bool = False) -> None:
        super().__init__(wide=wide, width=shutil.get_terminal_size().columns)
        self.lines: list[Text] = []

    def write(self, pieces: Sequence[tuple[str, str]]) -> None:
        self.lines.append(_text(pieces))


@contextmanager
def full_screen() -> Iterator[Callable[[BufferedOutput], None]]:
    """The whole terminal for the block; what it gives puts a picture in the place of the last."""
    from rich.console import Console, Group
    from rich.live import Live

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        yield lambda picture: live.update(Group(*picture.lines), refresh=True)


def echo(*pieces: StyledText) -> None:
    """One line on stdout."""
    STDOUT.say(*pieces)


def echo_json(value: object, *, indent: int | None = None) -> None:
    """A value, which may hold models, as JSON on stdout: in one line unless it is indented."""
    dump = getattr(value, "model_dump_json", None)
    said = dump() if dump else json.dumps(value, ensure_ascii=False, indent=indent, default=_as_json)
    _raw(printable_json(said))


def echo_error(error: object, who: str = "checkout") -> None:
    """What stands in the way, on stderr. Of several lines all but the first are indented: none can pass for another
    message."""
    first, *others = str(error).split("\n")
    out = Output(sys.stderr)
    out.say(f"{who}: {first}")
    for line in others:
        out.say(f"  {line}")


def echo_page(text: str) -> None:
    """A page of our own, of many lines, as it is."""
    for line in text.splitlines():
        _raw(printable(line))


def confirm(question: str) -> bool:
    """Whether who sits there says yes; where nobody does, no."""
    return prompt(f"{question} [y/N]").strip().lower() in ("y", "yes")


def prompt(question: str) -> str:
    """What who sits there answers; where nobody does, nothing."""
    _raw(printable(question), sys.stderr, end=": ")
    return sys.stdin.readline().rstrip("\n")


ProgressCallback = Callable[..., None]
"""Called with what is done, and `done` (how many in all), `total` (None: not known) and `said` (what there is to say)."""


@contextmanager
def progress_bars(*, shown: bool = True) -> Iterator[ProgressCallback]:
    """A progress bar on stderr for each thing that is done, for the block; none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

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
            elif total and done < total and done - moved[what] < total // UPDATES:
                return
            moved[what] = done
            # What was never counted is not known, and not nothing.
            known = total or progress.tasks[progress.task_ids.index(tasks[what])].total
            progress.update(tasks[what], completed=done, total=known, said=printable(said))

        yield move


def _safe(cell: StyledText) -> tuple[str, str]:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return printable(text), style


def _widths(columns: Sequence[TableColumn], cells: Sequence[Sequence[StyledText]]) -> list[int]:
    return [
        max([_columns_of(column.name), *(_columns_of(row[at][0]) for row in cells)])
        for at, column in enumerate(columns)
    ]


def _columns_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _text(pieces: Sequence[tuple[str, str]]) -> Text:
    from rich.text import Text

    return Text.assemble(*pieces)


def _raw(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    print(text, end=end, file=stream or sys.stdout, flush=True)


def _as_json(value: Any) -> Any:
    return value.model_dump(mode="json")
