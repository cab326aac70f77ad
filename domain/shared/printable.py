"""Makes the text of others safe to read on a terminal, in a log, or in a line of JSON.

Control characters (and with them ANSI sequences), bidirectional controls and invisible characters become escapes.
Text of all scripts, and emoji, stay as they are.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

_NOT_PLAIN: Final = re.compile(r"[^ -~]")
_NOT_PLAIN_IN_JSON: Final = re.compile(r"[^ -~\n]")

_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Characters that show nothing, though Unicode counts them as letters, marks or symbols."""

_JOINERS: Final = "\u200c\u200d"
_JOINED_SCRIPT: Final = re.compile("[\u0600-\u08ff\u0900-\u0dff]")
"""Scripts whose spelling needs joiners: Arabic and its relatives, and those of India."""


def printable(text: str) -> str:
    r"""The text in one line. What could mislead a reader becomes an escape, such as `\n`, `\x9b`, `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_PLAIN.sub(_as_python, text)


def printable_json(json: str) -> str:
    r"""JSON with the same characters as `\uXXXX`. It stays valid and means the same."""
    return _NOT_PLAIN_IN_JSON.sub(_as_json, json)


def _as_python(found: re.Match[str]) -> str:
    character = found.group()
    return character.encode("unicode_escape").decode() if _is_misleading(found) else character


def _as_json(found: re.Match[str]) -> str:
    character = found.group()
    if not _is_misleading(found):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _is_misleading(found: re.Match[str]) -> bool:
    character, text = found.group(), found.string
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    if character in _JOINERS and _JOINED_SCRIPT.match(before) and _JOINED_SCRIPT.match(after):
        return False
    if character == "\u200d" and _draws(before) and _draws(after):
        return False
    if character == "\ufe0f" and before and category(before) == "So":
        return False
    # A no-break space is a space; all other separators, controls and formats are not text.
    return bool(_UNSEEN.match(character)) or not (character.isprintable() or category(character) == "Zs")


def _draws(character: str) -> bool:
    """Whether it is an emoji, or its last part."""
    return bool(character) and (character == "\ufe0f" or category(character) in ("So", "Sk"))
