"""The lines of a catalogue file, and what is wrong with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from adapters.wire.facts import InvalidFact, parse_fact
from domain.catalogue.facts import Fact

MAX_LINE_BYTES = 1024 * 1024
"""In bytes; an offer with thousands of products is shorter."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLine(ValueError):
    """A line that says no fact, or contradicts one before it; in words why."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """`content` is None where the line is longer than any fact; `end` is the position after it in the
    file, in bytes."""

    number: int
    content: bytes | None
    end: int


@dataclass(slots=True)
class CheckedFile:
    """What a file holds: how many lines, how many facts from some line on, and why lines are refused, by
    their numbers. Empty lines say nothing and are counted as lines only."""

    lines: int = 0
    facts: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class FactFileChecker:
    """Checks line by line, and each line against those before it."""

    def __init__(self, ignored: Collection[str] = ()) -> None:
        """`ignored` are names of unknown members that are passed over."""
        self._ignored = ignored
        # By digests: a file may hold millions of facts.
        self._said: dict[bytes, tuple[int, bytes]] = {}

    def check(self, line: FileLine) -> Fact | None:
        """The fact of the line; None for an empty one. Raises BadLine."""
        fact = read_fact(line, self._ignored)
        if fact is None:
            return None
        content = _digest(fact.model_dump_json())
        before, said = self._said.setdefault(_digest(fact.fact_id), (line.number, content))
        if said != content:
            raise BadLine(f"line {before} says something else under the same sequence: {fact.fact_id}")
        return fact


def read_fact(line: FileLine, ignored: Collection[str] = ()) -> Fact | None:
    """The fact of the line; None for an empty one. Raises BadLine."""
    if line.content is None:
        raise BadLine(f"the line is longer than {MAX_LINE_BYTES} bytes")
    if not line.content.strip():
        return None
    try:
        return parse_fact(line.content, ignored=ignored)
    except InvalidFact as error:
        raise BadLine(str(error)) from error


def check_file(
    path: Path,
    from_line: int = 1,
    told: Callable[[FileLine], None] = lambda _: None,
    ignored: Collection[str] = (),
) -> CheckedFile:
    """Checks every line, and counts the facts from `from_line` on; `told` is called for each line. `ignored` are names
    of unknown members that are passed over."""
    checker, checked = FactFileChecker(ignored), CheckedFile()
    for line in read_lines(path):
        checked.lines = line.number
        try:
            fact = checker.check(line)
        except BadLine as reason:
            checked.refused[line.number] = str(reason)
        else:
            checked.facts += fact is not None and line.number >= from_line
        told(line)
    return checked


def read_lines(path: Path) -> Iterator[FileLine]:
    """The lines, numbered from 1."""
    with path.open("rb") as file:
        for number in itertools.count(1):
            content = file.readline(MAX_LINE_BYTES + 1)
            if not content:
                return
            if number == 1:
                content = content.removeprefix(BYTE_ORDER_MARK)
            if len(content) > MAX_LINE_BYTES and not content.endswith(b"\n"):
                _skip_line(file)
                yield FileLine(number, None, file.tell())
            else:
                yield FileLine(number, content, file.tell())


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def line_ranges(numbers: Iterable[int]) -> str:
    """Line numbers as people write them: `3, 7-9`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, each)) for each in ranges)
