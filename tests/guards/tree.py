"""Copies of the tree, in which guards are taken out. The working tree is only read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tests.guards.guard import Guard

ROOT = Path(__file__).parents[2]

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", Path(sys.prefix).name, ".cache", ".*_cache", ".checkout", ".hypothesis", "__pycache__",
    "*.egg-info", "node_modules", "build",
)  # fmt: skip


class TreeCopy:
    """A copy of the whole tree, for one guard at a time."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT, symlinks=True)

    @contextmanager
    def without(self, guard: Guard) -> Iterator[None]:
        """The copy lacks the guard for the block. Raises StaleGuard."""
        path = self.root / guard.file
        original = path.read_text(encoding="utf-8")
        self._write(path, guard.take_out(original))
        try:
            yield
        finally:
            self._write(path, original)

    def digest(self) -> str:
        """The same for trees with the same Python, SQL and settings, whatever else they hold."""
        read = sha256()
        for path in sorted(self.root.rglob("*")):
            if path.suffix in (".py", ".sql", ".toml", ".txt") and path.is_file():
                read.update(f"{path.relative_to(self.root)}\0".encode() + path.read_bytes())
        return read.hexdigest()

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        # Python compares compiled files by size and second: two changes within one second may look alike.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
