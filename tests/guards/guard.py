"""One guard: where it is, how it is taken out, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass


class StaleGuard(Exception):
    """The text that takes a guard out no longer fits the file."""


@dataclass(frozen=True, slots=True)
class Guard:
    """`old` stands once in `file`; `new` in its place takes the guard out. Each of `tests` (pytest's node ids) must then
    fail by an assertion."""

    name: str
    threat: str
    """What becomes possible without it, as a sentence."""
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    database: bool = False
    """Whether the tests need PostgreSQL."""

    def take_out(self, text: str) -> str:
        """The file's text without the guard. Raises StaleGuard."""
        count = text.count(self.old)
        if count != 1:
            raise StaleGuard(f"{self.name}: {self.file} holds {count} times, and should hold once: {self.old!r}")
        return text.replace(self.old, self.new)
