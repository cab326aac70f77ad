"""`checkout schemas`: the files of docs/schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import echo, echo_error


def schemas(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 where a file is not what the models say."),
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the files lie; docs/schemas by default.")] = None,
) -> None:
    """Writes the JSON Schema of every published message, unless one would break what its file promises."""
    from cli.schemas import files

    where = folder or files.FOLDER
    if check:
        wrong = files.check(where)
        for reason in wrong:
            echo_error(reason)
        raise typer.Exit(1 if wrong else 0)
    try:
        written = files.write(where)
    except files.BreakingSchemaChange as broken:
        for reason in broken.reasons:
            echo_error(f"refused: {reason}")
        raise typer.Exit(1) from broken
    echo(f"written: {', '.join(written) or 'nothing, all are up to date'}")
