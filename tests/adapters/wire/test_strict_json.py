from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.strict_json import InvalidJson, RepeatedMember, pointer, read_json
from tests.work_counter import calls_of


class Members(list[tuple[str, Any]]):
    """An object with repeated members."""


def written(value: Any) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)} : {written(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def repeats(value: Any) -> bool:
    if isinstance(value, Members):
        names = [name for name, _ in value]
        return len(set(names)) != len(names) or any(repeats(member) for _, member in value)
    return isinstance(value, list) and any(map(repeats, value))


NAMES = st.sampled_from(["a", "b", "a:", ":", '"', "\\", "é", ""])
WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "a:b", '":', "\\", "😀:"]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=3).map(Members),
    max_leaves=12,
)


@given(WRITTEN)
def test_exactly_the_texts_with_a_repeated_member_are_refused(value: Any) -> None:
    text = written(value)
    if repeats(value):
        with pytest.raises(RepeatedMember):
            read_json(text.encode())
    else:
        assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"quantity": 1, "quantity": 50}', "/quantity"),
        ('{"a": [{}, {"b": 1, "\\u0062": 2}]}', "/a/1/b"),
        ('{"a": ":", "x/~": {"n": null, "m": {}, "n": null}}', "/x~1~0/n"),
        ('{"": {"": 1, "": 1}}', "//"),
        ('{"a": {"b": 1, "b": 2}, "a": 3}', "/a/b"),
        ("[" * 150 + '{"a": 1, "a": 1}' + "]" * 150, "/0" * 150 + "/a"),
    ],
)
def test_the_first_repeated_member_is_reported_by_its_place(text: str, place: str) -> None:
    with pytest.raises(RepeatedMember) as refused:
        read_json(text.encode())
    assert pointer(refused.value.location) == place


NO_JSON = [
    b"",
    b" ",
    b"{} {}",
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    "{}".encode("utf-32"),
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b"NaN",
    b"[-Infinity]",
    b"01",
    b"'a'",
    b"{'a': 1}",
    b'{"a": 1,}',
    b"[1] // no",
    b'"\n"',
    b"9" * 5000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 300 + b"]" * 300,
]


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: repr(text[:12]))
def test_invalid_json_is_refused_without_a_quote(text: bytes) -> None:
    with pytest.raises(InvalidJson) as refused:
        read_json(text)
    assert not isinstance(refused.value, RepeatedMember)
    assert len(str(refused.value)) < 120


def test_numbers_are_read_exactly() -> None:
    assert read_json(b"[12345678901234567890123, 2.0, 1e2]") == [12345678901234567890123, 2.0, 100.0]


def test_a_long_name_is_cut() -> None:
    name = b'"' + b"n" * 200_000 + b'"'
    with pytest.raises(RepeatedMember) as refused:
        read_json(b"{" + name + b":1," + name + b":2}")
    assert len(pointer(refused.value.location)) == len(str(refused.value)) - len("the member  is repeated") == 1000


@pytest.mark.parametrize(
    "text_of",
    [
        lambda n: b"[" + b'{"a":{}},' * n + b"1]",
        lambda n: b"[" + b'{"a":":"},' * n + b"1]",
        lambda n: b"[" + b'{"a":1},' * n + b'{"a":1,"a":2}]',
        lambda n: b"{" + b",".join(b'"%d":[[]]' % i for i in range(n)) + b',"x":1,"x":1}',
    ],
    ids=["objects", "colons in strings", "a repeat at the end", "many members and a repeat"],
)
def test_twice_the_text_is_twice_the_work(text_of: Callable[[int], bytes]) -> None:
    texts = text_of(2000), text_of(4000)
    small, large = (calls_of(partial(read_json, text), InvalidJson).total() for text in texts)
    assert large <= 2.1 * small + 50
