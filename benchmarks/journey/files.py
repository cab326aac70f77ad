"""JSON lines, written whole or not at all, and journals that an interrupted run goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.journey.rows import Basket, Line

Document = dict[str, Any]


def write_lines(path: Path, rows: Iterable[Document]) -> int:
    """Writes the rows and returns how many they are. An interrupted run leaves no half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    count = 0
    try:
        with draft.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                count += 1
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def read_lines(path: Path) -> Iterator[Document]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def basket_row(basket: Basket) -> Document:
    return {
        "basket_id": basket.id,
        "store": basket.store,
        "week": basket.week,
        "lines": [{"product": line.product, "quantity": line.quantity} for line in basket.lines],
    }


def basket_of(row: Document) -> Basket:
    lines = tuple(Line(line["product"], line["quantity"]) for line in row["lines"])
    return Basket(row["basket_id"], row["store"], row["week"], lines)


class Journal:
    """What was done, a line each, by key. A line that a kill cut short is done again."""

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self.done: dict[Any, Document] = {}

    def __enter__(self) -> Self:
        whole = b""
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            row = json.loads(line)
            self.done[row[self._key]] = row
        self._file = self._path.open("wb")
        self._file.write(whole)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._file.close()

    def record(self, row: Document) -> None:
        self.done[row[self._key]] = row
        self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
