from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.printable import printable, printable_json

HOSTILE = {
    "a sequence that clears the screen": "\x1b[2J",
    "the same by one C1 control": "\x9b2J",
    "a title for the window": "\x1b]0;root\x07",
    "a line of its own": "ok\nall is well",
    "a carriage return": "12.00\r99.00",
    "delete": "\x7f",
    "the next line of C1": "a\x85b",
    "text turned around": "\u202egnp.exe",
    "an isolate": "\u2067a\u2069",
    "a mark of direction": "\u200e\u200f\u061c",
    "a line separator": "a\u2028b\u2029c",
    "a space without width": "a\u200bb",
    "a joiner between letters that are never joined": "pay\u200dpal",
    "a byte order mark": "a\ufeffb",
    "tags": "\U000e0041\U000e0042",
    "selectors that could carry bytes": "a\ufe01\U000e0101",
    "a filler that is no space": "a\u3164\u115f\uffa0b",
    "half a surrogate pair": "a\ud800b",
    "no character": "a\uffffb\U0001ffff",
    "private use": "a\ue000b",
    "soft hyphen and grapheme joiner": "a\u00ad\u034fb",
}
ORDINARY = [
    "Käse für 10,00 €",
    "Ελληνικά, русский, 日本語, 한국어, ไทย",
    "עברית",
    "می\u200cخواهم",
    "क्\u200dष",
    "👩\u200d💻 ❤\ufe0f 👍🏽",
    "10\u00a0000 × ½ → ∞",
    "plain [red]text[/red] \\x1b",
]


def misleads(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_misleading_characters_become_escapes(text: str) -> None:
    assert not any(map(misleads, printable(text)))
    assert "\\" in printable(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_says_the_same_without_such_characters(text: str) -> None:
    safe = printable_json(json.dumps({text: [text]}, ensure_ascii=False))

    assert not any(map(misleads, safe))
    assert json.loads(safe) == {text: [text]}


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_of_all_scripts_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert json.loads(printable_json(json.dumps(text, ensure_ascii=False))) == text


@given(st.text(st.characters()))
def test_every_text_becomes_one_harmless_line(text: str) -> None:
    assert all(not misleads(character) or character in "\u200c\u200d" for character in printable(text))


@given(st.text(st.characters()))
def test_printable_json_means_the_same(text: str) -> None:
    assert json.loads(printable_json(json.dumps(text, ensure_ascii=False))) == text


def test_indented_json_stays_indented() -> None:
    assert printable_json('{\n  "a": 1\n}') == '{\n  "a": 1\n}'
