"""`checkout schemas`: the schema files of docs/schemas, written from the models or compared with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.generated_files import DOCS, BreakingChange, differences, report_differences, report_written, write_changed

FOLDER = DOCS / "schemas"


def schemas(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 where a file is not what the models say."),
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the files lie; docs/schemas by default.")] = None,
) -> None:
    """Writes the JSON Schema of every published message, unless one would break what its file promises."""
    if check:
        report_differences(check_files(folder or FOLDER))
    report_written(lambda: write_files(folder or FOLDER))


def write_files(folder: Path = FOLDER) -> Sequence[str]:
    """Writes missing and changed files and returns their names.

    Raises BreakingChange, and writes nothing then: an incompatible schema needs a new type name.
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
        raise BreakingChange(reasons)
    return write_changed(folder, _texts())


def check_files(folder: Path = FOLDER) -> Sequence[str]:
    """A sentence for each file that differs from the models; empty where none does."""
    texts = _texts()
    return differences(folder, texts, {path.name for path in folder.glob("*.json")} - texts.keys())


def _texts() -> Mapping[str, str]:
    from adapters.asyncapi.schemas import PUBLISHED

    return {
        published.file_name: json.dumps(published.schema(), indent=2, ensure_ascii=False) + "\n"
        for published in PUBLISHED
    }
