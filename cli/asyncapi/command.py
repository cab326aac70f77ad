"""`checkout asyncapi`: docs/asyncapi.json and docs/topics.md, written from the code or compared with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.generated_files import DOCS, BreakingChange, differences, report_differences, report_written, write_changed

if TYPE_CHECKING:
    from adapters.asyncapi.schemas import Document

DOCUMENT = "asyncapi.json"
PAGE = "topics.md"


def asyncapi(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 where a file is not what the code says."),
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the files lie; docs by default.")] = None,
) -> None:
    """Writes the AsyncAPI document of all topics, and the page about them, unless the document would break a promise.

    It describes a service with the default settings. The API serves the document of its own settings."""
    if check:
        report_differences(check_files(folder or DOCS))
    report_written(lambda: write_files(folder or DOCS))


def write_files(folder: Path = DOCS) -> Sequence[str]:
    """Writes missing and changed files and returns their names. Raises BreakingChange, and writes nothing then."""
    from cli.asyncapi.compatibility import broken_promises

    path = folder / DOCUMENT
    reasons = broken_promises(json.loads(path.read_bytes()), _document()) if path.exists() else []
    if reasons:
        raise BreakingChange([f"{DOCUMENT}: {reason}" for reason in reasons])
    return write_changed(folder, _texts())


def check_files(folder: Path = DOCS) -> Sequence[str]:
    """A sentence for each file that differs from the code; empty where none does."""
    return differences(folder, _texts())


def _texts() -> Mapping[str, str]:
    from cli.asyncapi.page import topics_page

    return {DOCUMENT: json.dumps(_document(), indent=2, ensure_ascii=False) + "\n", PAGE: topics_page()}


def _document() -> Document:
    from adapters.asyncapi.document import asyncapi_document
    from adapters.settings import Settings
    from adapters.system import release

    # The defaults, whatever the environment of this process says.
    return asyncapi_document(Settings.model_construct(), release())
