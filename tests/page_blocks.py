"""The code blocks of a page, and what the comment above each says that a test does with it.

`<!-- run -->` runs a block in a shell, `<!-- run file="NAME" -->` saves it, `<!-- run until="TEXT" -->` ends it by
Ctrl-C once it printed the text, `<!-- run setup -->` goes before all later blocks, `<!-- schema NAME -->` says which
schema a JSON document must fit, and `<!-- not run: REASON -->` says why a block cannot be run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OPTION = re.compile(r'(\w+)="(.*?)"')


@dataclass(frozen=True, slots=True)
class Block:
    """`mark` is the comment above the block: empty where there is none."""

    language: str
    text: str
    mark: str

    @property
    def options(self) -> Mapping[str, str]:
        return dict(_OPTION.findall(self.mark))

    @property
    def is_run(self) -> bool:
        return self.mark.split(" ")[0] == "run"

    @property
    def is_setup(self) -> bool:
        return self.mark == "run setup"


def read_blocks(page: Path) -> Sequence[Block]:
    """The blocks in their order. Raises AssertionError for a fence that is not closed."""
    text = page.read_text(encoding="utf-8")
    found = [Block(language, code, mark or "") for mark, language, code in _BLOCK.findall(text)]
    assert len(found) * 2 == len(re.findall(r"^```", text, re.MULTILINE)), f"{page}: a block is not closed"
    return found


def files_of(page: Path) -> Mapping[str, str]:
    """The files that a reader saves, by name."""
    return {block.options["file"]: block.text for block in read_blocks(page) if "file" in block.options}
