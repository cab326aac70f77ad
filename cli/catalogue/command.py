"""`checkout catalogue load FILE.jsonl`: checks every line, then publishes the file's facts."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.output import echo_json

app = typer.Typer(no_args_is_help=True)


@app.callback()
def catalogue() -> None:
    """The catalogue: offers, prices, availability."""


@app.command(epilog="Example: checkout catalogue load facts.jsonl --wait")
def load(
    file: Annotated[Path, typer.Argument(help="JSON lines, one fact each; `-` reads them from stdin.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Publish the good lines of a file that has bad ones.")
    ] = False,
    from_line: Annotated[int, typer.Option(min=1, help="Begin with this line, as an interrupted run said.")] = 1,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the catalogue worker has recorded all facts.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Publishes a file of catalogue facts onto the catalogue topics.

    Every line is checked before the first is published.

    Bad lines are shown with their reasons. Then nothing is published, unless --skip-bad is given.

    docs/catalogue.md describes every kind and member, what is refused, keys, and how to withdraw.
    """
    from cli.catalogue.load import Load

    with _on_disk(file) as path:
        outcome = Load(path, skip_bad=skip_bad, from_line=from_line, wait=wait).run()
    if json:
        echo_json(outcome.to_json())
    raise typer.Exit(outcome.exit_code)


@contextmanager
def _on_disk(file: Path) -> Iterator[Path]:
    """The file, or stdin saved as a file, because it is read more than once."""
    if str(file) != "-":
        if not file.is_file():
            raise typer.BadParameter(f"there is no file {file}")
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="checkout-") as folder:
        spooled = Path(folder) / "stdin.jsonl"
        with spooled.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target)
        yield spooled
