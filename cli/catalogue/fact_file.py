"""Reads and checks the lines of a file of catalogue facts."""

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
"""An offer with thousands of products is shorter."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLine(ValueError):
    """A line that is no fact, or contradicts an earlier one; the message is the reason."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """`content` is None if the line is too long. `end` is the byte position after the line."""

    number: int
    content: bytes | None
    end: int


@dataclass(slots=True)
class CheckedFile:
    """The number of lines, the number of facts from some line on, and the reasons for bad lines by their numbers. Empty
    lines count as lines only."""

    lines: int = 0
    facts: int = 0
    refused: dict[int, str] = field(default_factory=dict)


LineCallback = Callable[[FileLine, Fact | None], None]
"""Called for each line; the fact is None for an empty or a bad line."""


def check_file(
    path: Path,
    from_line: int = 1,
    on_line: LineCallback = lambda _line, _fact: None,
    ignored: Collection[str] = (),
) -> CheckedFile:
    """Checks each line, also against the lines before it, and counts the facts from `from_line` on. `ignored` names
    unknown members to pass over."""
    checked = CheckedFile()
    # Digests, because a file may hold millions of facts.
    seen: dict[bytes, tuple[int, bytes]] = {}
    for line in read_lines(path):
        checked.lines = line.number
        fact: Fact | None = None
        try:
            fact = read_fact(line, ignored)
            if fact is not None:
                _require_same_content(fact, line.number, seen)
                checked.facts += line.number >= from_line
        except BadLine as reason:
            fact = None
            checked.refused[line.number] = str(reason)
        on_line(line, fact)
    return checked


def _require_same_content(fact: Fact, number: int, seen: dict[bytes, tuple[int, bytes]]) -> None:
    content = _digest(fact.model_dump_json())
    before, first_content = seen.setdefault(_digest(fact.fact_id), (number, content))
    if first_content != content:
        raise BadLine(f"line {before} says something else under the same sequence: {fact.fact_id}")


def read_fact(line: FileLine, ignored: Collection[str] = ()) -> Fact | None:
    """The fact of the line; None for an empty line. Raises BadLine."""
    if line.content is None:
        raise BadLine(f"the line is longer than {MAX_LINE_BYTES} bytes")
    if not line.content.strip():
        return None
    try:
        return parse_fact(line.content, ignored=ignored)
    except InvalidFact as error:
        raise BadLine(str(error)) from error


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
    """Line numbers for people: `3, 7-9`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, each)) for each in ranges)
