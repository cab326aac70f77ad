"""The preference `handling` (RFC 7240)."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.wire.known_members import IgnoredMembers
from adapters.wire.prefer_header import Handling, ParsedRequest, read_handling
from tests.work_counter import calls_of

STRICT, LENIENT = Handling("strict", preferred=True), Handling("lenient", preferred=True)
DEFAULT = Handling("lenient")


@pytest.mark.parametrize(
    ("header", "handling"),
    [
        ("handling=strict", STRICT),
        ("handling=lenient", LENIENT),
        ('handling="strict"', STRICT),
        ("Handling=STRICT", STRICT),
        ("handling = strict", STRICT),
        ("respond-async, wait=100, handling=strict", STRICT),
        ('foo="a, handling=lenient; \\"b", handling=strict', STRICT),
        ('handling=strict; foo; bar="x" ; =, wait=1', DEFAULT),
        ('handling=strict; foo; bar="x", wait=1', STRICT),
        (" , ,\thandling=strict ,", STRICT),
        ("handling=strict, handling=lenient", STRICT),
        ("handling=fast, handling=strict", DEFAULT),
        ("handling", DEFAULT),
        ("handling=", DEFAULT),
        ("wait=100", DEFAULT),
        ("", DEFAULT),
        ("=strict", DEFAULT),
        ('"handling"=strict', DEFAULT),
        ("handling=str ict", DEFAULT),
        (None, DEFAULT),
    ],
)
def test_the_first_handling_that_can_be_read_counts(header: str | None, handling: Handling) -> None:
    assert read_handling(header, "lenient") == handling


def test_without_the_preference_the_setting_decides() -> None:
    assert read_handling(None, "strict") == Handling("strict")
    assert read_handling("handling=lenient", "strict") == LENIENT


@pytest.mark.parametrize("part", ["a,", "a=b;", 'a="', "a=;", " ", "\t=", 'x="\\"', "a;;;;", ","])
def test_a_header_is_read_in_linear_time(part: str) -> None:
    first, second = (calls_of(partial(read_handling, part * n, "lenient")).total() for n in (2_000, 4_000))
    assert second <= 2.1 * first + 50


def test_what_was_done_is_said_where_it_was_asked_for_or_something_was_ignored() -> None:
    ignored = IgnoredMembers()
    ignored.add(("order", "x"))
    assert ParsedRequest(None, DEFAULT).headers == {}
    assert ParsedRequest(None, DEFAULT).members == {}
    assert ParsedRequest(None, STRICT).headers == {"Preference-Applied": "handling=strict"}
    assert ParsedRequest(None, DEFAULT, ignored).headers == {"Preference-Applied": "handling=lenient"}
    assert ParsedRequest(None, DEFAULT, ignored).members == {"ignored": ["/order/x"]}
