"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FIGURE = re.compile(r"(\*\*)?[+−-]?\d|$|not measured|never")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown. Columns of figures are aligned to the right."""
    marks = ["---:" if all(map(_FIGURE.match, column)) else "---" for column in zip(*rows, strict=True)]
    lines = [heads, *rows]
    return [_row(lines[0]), f"|{'|'.join(marks)}|", *map(_row, lines[1:])]


def _row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
