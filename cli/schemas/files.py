"""The schema files of docs/schemas: written from the models, and held against them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cli.schemas.compatibility import breaking_changes
from cli.schemas.published import PUBLISHED, Document

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


class BreakingSchemaChange(Exception):
    """A published schema would take back what its file promises; in words, one for each thing."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def write(folder: Path = FOLDER) -> Sequence[str]:
    """Writes what is missing or changed, and returns the names of those files; raises BreakingSchemaChange, and
    then writes nothing. What must change has to get a new type name."""
    reasons = [
        f"{published.name}: {reason}"
        for published in PUBLISHED
        if (old := _read(folder / published.file_name)) is not None
        for reason in breaking_changes(old, published.schema(), published.writer)
    ]
    if reasons:
        raise BreakingSchemaChange(reasons)
    changed = [published for published in PUBLISHED if not _is_current(folder, published.file_name)]
    for published in changed:
        (folder / published.file_name).write_text(_text(published.schema()), encoding="utf-8")
    return [published.file_name for published in changed]


def check(folder: Path = FOLDER) -> Sequence[str]:
    """In words, each file that is not what the models say; empty where all are."""
    wanted = {published.file_name for published in PUBLISHED}
    found = {path.name for path in folder.glob("*.json")}
    return [
        *(f"{name} is missing" for name in sorted(wanted - found)),
        *(f"{name} belongs to no type" for name in sorted(found - wanted)),
        *(
            f"{name} is not what the models say"
            for name in sorted(wanted & found)
            if not _is_current(folder, name)
        ),
    ]


def _is_current(folder: Path, name: str) -> bool:
    path = folder / name
    schema = next(published.schema() for published in PUBLISHED if published.file_name == name)
    return path.exists() and path.read_text(encoding="utf-8") == _text(schema)


def _read(path: Path) -> Document | None:
    if not path.exists():
        return None
    document: Document = json.loads(path.read_bytes())
    return document


def _text(schema: Document) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
