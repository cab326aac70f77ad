"""`checkout schemas`: the schema files of docs/schemas, written from the models or compared with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import echo, echo_error
from cli.runner import DONE, NOT_DONE

if TYPE_CHECKING:
    from adapters.asyncapi.schemas import Document

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


class BreakingSchemaChange(Exception):
    """A published schema would break what its file promises. `reasons` are sentences for people."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def schemas(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 where a file is not what the models say."),
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the files lie; docs/schemas by default.")] = None,
) -> None:
    """Writes the JSON Schema of every published message, unless one would break what its file promises."""
    if check:
        wrong = check_files(folder or FOLDER)
        for reason in wrong:
            echo_error(reason)
        raise typer.Exit(NOT_DONE if wrong else DONE)
    try:
        written = write_files(folder or FOLDER)
    except BreakingSchemaChange as error:
        for reason in error.reasons:
            echo_error(f"refused: {reason}")
        raise typer.Exit(NOT_DONE) from error
    echo(f"written: {', '.join(written) or 'nothing, all are up to date'}")


def write_files(folder: Path = FOLDER) -> Sequence[str]:
    """Writes missing and changed files and returns their names.

    Raises BreakingSchemaChange, and writes nothing then: an incompatible schema needs a new type name.
    """
    from adapters.asyncapi.schemas import PUBLISHED
    from cli.schemas.compatibility import breaking_changes

    reasons = [
        f"{published.name}: {reason}"
        for published in PUBLISHED
        if (path := folder / published.file_name).exists()
        for reason in breaking_changes(json.loads(path.read_bytes()), published.schema(), published.writer)
    ]
    if reasons:
        raise BreakingSchemaChange(reasons)
    texts = {published.file_name: _text(published.schema()) for published in PUBLISHED}
    changed = [name for name, text in texts.items() if _read(folder / name) != text]
    for name in changed:
        (folder / name).write_text(texts[name], encoding="utf-8")
    return changed


def check_files(folder: Path = FOLDER) -> Sequence[str]:
    """A sentence for each file that differs from the models; empty where none does."""
    from adapters.asyncapi.schemas import PUBLISHED

    texts = {published.file_name: _text(published.schema()) for published in PUBLISHED}
    found = {path.name for path in folder.glob("*.json")}
    return [
        *(f"{name} is missing" for name in sorted(texts.keys() - found)),
        *(f"{name} belongs to no type" for name in sorted(found - texts.keys())),
        *(
            f"{name} is not what the models say"
            for name in sorted(texts.keys() & found)
            if _read(folder / name) != texts[name]
        ),
    ]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _text(schema: Document) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
