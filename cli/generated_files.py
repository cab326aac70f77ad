"""Files of docs that are made from the code: written where they differ, or only compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import typer

from cli.output import echo, echo_error
from cli.runner import DONE, NOT_DONE

DOCS = Path(__file__).parents[1] / "docs"


class BreakingChange(Exception):
    """A file would break what its last version promises. `reasons` are sentences for people."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def write_changed(folder: Path, texts: Mapping[str, str]) -> Sequence[str]:
    """Writes missing and changed files and returns their names."""
    changed = [name for name, text in texts.items() if _read(folder / name) != text]
    for name in changed:
        (folder / name).write_text(texts[name], encoding="utf-8")
    return changed


def differences(folder: Path, texts: Mapping[str, str], strange: Iterable[str] = ()) -> Sequence[str]:
    """A sentence for each file that is missing, belongs to nothing (`strange`), or is not what the code says."""
    missing = [name for name in texts if not (folder / name).exists()]
    return [
        *(f"{name} is missing" for name in sorted(missing)),
        *(f"{name} belongs to no type" for name in sorted(strange)),
        *(
            f"{name} is not what the code says"
            for name in sorted(texts.keys() - missing)
            if _read(folder / name) != texts[name]
        ),
    ]


def report_differences(wrong: Sequence[str]) -> NoReturn:
    """Ends the command, with NOT_DONE where anything is wrong."""
    for reason in wrong:
        echo_error(reason)
    raise typer.Exit(NOT_DONE if wrong else DONE)


def report_written(write: Callable[[], Sequence[str]]) -> None:
    """Writes, and says what was written; ends with NOT_DONE where that would break a promise."""
    try:
        written = write()
    except BreakingChange as error:
        for reason in error.reasons:
            echo_error(f"refused: {reason}")
        raise typer.Exit(NOT_DONE) from error
    echo(f"written: {', '.join(written) or 'nothing, all are up to date'}")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
