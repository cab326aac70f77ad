"""Which key signs, and which are published, at a moment."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import KeySet

from adapters.promises.keys import PromiseKey, PromiseKeySet, UnusablePromiseKeys, public_jwks, read_keys, write_keys
from tests.adapters.promises.golden import KEY, NOON

SECOND = timedelta(seconds=1)
WAIT = timedelta(seconds=600)
PUBLISHED_FOR = timedelta(seconds=1200)

ONE = PromiseKeySet([]).with_new_key(NOON, WAIT)
TWO = ONE.with_new_key(NOON + SECOND, WAIT)
FIRST, SECOND_KEY = TWO.keys


def test_the_first_key_signs_at_once_even_in_the_second_of_its_making() -> None:
    keys = PromiseKeySet([]).with_new_key(NOON + timedelta(microseconds=7), WAIT)
    assert keys.signing_at(NOON) == keys.keys[0]


def test_another_key_is_published_at_once_and_signs_when_every_cache_has_it() -> None:
    begins = NOON + SECOND + WAIT
    assert TWO.published_at(NOON + SECOND) == [FIRST, SECOND_KEY]
    assert TWO.signing_at(begins - SECOND) == FIRST
    assert TWO.signing_at(begins) == SECOND_KEY
    assert [TWO.state_at(key, begins - SECOND) for key in TWO.keys] == ["signing", "waiting"]
    assert [TWO.state_at(key, begins) for key in TWO.keys] == ["standby", "signing"]


def test_a_retired_key_signs_no_longer_and_is_published_until_its_promises_have_expired() -> None:
    now = NOON + SECOND + WAIT
    keys = TWO.with_retired(SECOND_KEY.id, now, PUBLISHED_FOR)
    assert keys.signing_at(now) == FIRST
    assert [keys.state_at(key, now) for key in keys.keys] == ["signing", "retired"]
    ends = now + PUBLISHED_FOR
    assert [key.id for key in keys.published_at(ends - SECOND)] == [FIRST.id, SECOND_KEY.id]
    assert keys.published_at(ends) == [FIRST]
    assert keys.without_unpublished(ends - SECOND) == keys
    assert keys.without_unpublished(ends) == ONE
    assert [key.id for key in keys.with_new_key(ends, WAIT).keys][:-1] == [FIRST.id]


def test_the_only_key_that_signs_is_not_retired() -> None:
    with pytest.raises(UnusablePromiseKeys, match="promise-keys new"):
        ONE.with_retired(FIRST.id, NOON, PUBLISHED_FOR)
    with pytest.raises(UnusablePromiseKeys, match="one does from 2026-11-23T12:10:01Z"):
        TWO.with_retired(FIRST.id, NOON + SECOND, PUBLISHED_FOR)
    assert TWO.with_retired(SECOND_KEY.id, NOON + SECOND, PUBLISHED_FOR).signing_at(NOON + SECOND) == FIRST


def test_a_key_is_retired_once_and_must_be_there() -> None:
    now = NOON + WAIT + SECOND
    retired = TWO.with_retired(FIRST.id, now, PUBLISHED_FOR)
    with pytest.raises(UnusablePromiseKeys, match="retired already"):
        retired.with_retired(FIRST.id, now, PUBLISHED_FOR)
    with pytest.raises(UnusablePromiseKeys, match="there is no key x"):
        TWO.with_retired("x", now, PUBLISHED_FOR)
    with pytest.raises(UnusablePromiseKeys, match="there is no key x"):
        TWO.without("x")


def test_a_compromised_key_is_gone_at_once() -> None:
    assert ONE.without(FIRST.id).published_at(NOON) == []
    assert ONE.without(FIRST.id).signing_at(NOON) is None


@given(st.lists(st.tuples(st.sampled_from(["new", "retire", "wait"]), st.integers(0, 900)), max_size=12))
def test_keys_fetched_a_maximum_age_ago_verify_every_promise_that_has_not_expired(
    steps: list[tuple[Literal["new", "retire", "wait"], int]],
) -> None:
    max_age, lifetime = timedelta(seconds=300), timedelta(seconds=900)
    keys, now = ONE, NOON
    history = [(NOON, keys)]
    signed: list[tuple[str, datetime]] = []
    for step, seconds in steps:
        signing = keys.signing_at(now)
        assert signing is not None
        signed.append((signing.id, now + lifetime))
        if step == "new":
            keys = keys.with_new_key(now, 2 * max_age)
        elif step == "retire" and sum(key.may_sign_at(now) for key in keys.keys) > 1:
            keys = keys.with_retired(signing.id, now, lifetime + max_age)
        history.append((now, keys))
        now += timedelta(seconds=seconds)
        needed = {id for id, expires in signed if expires > now}
        for fetched in (now, max(NOON, now - max_age)):
            held = next(each for at, each in reversed(history) if at <= fetched)
            assert needed <= {key.id for key in held.published_at(fetched)}


def test_what_is_written_is_read_again() -> None:
    keys = TWO.with_retired(FIRST.id, NOON + WAIT + SECOND, PUBLISHED_FOR)
    document = write_keys(keys)
    again = read_keys(document)
    assert again == keys
    assert [key.private.private_bytes_raw() for key in again.keys] == [
        key.private.private_bytes_raw() for key in keys.keys
    ]
    foreign = KeySet.import_key_set(json.loads(document))
    assert [key.kid for key in foreign.keys] == [key.id for key in keys.keys]
    assert all(key.is_private for key in foreign.keys)


def test_what_is_published_holds_no_private_part() -> None:
    published = public_jwks((KEY,))
    assert json.loads(published) == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "use": "sig",
                "alg": "EdDSA",
            }
        ]
    }


D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
STORED = json.loads(write_keys(PromiseKeySet([KEY])))["keys"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"d": D[:-1]},
        {"d": "A" * 43},
        {"d": None},
        {"x": "A" * 43},
        {"kty": "oct"},
        {"crv": "X25519"},
        {"alg": "HS256"},
        {"signsFrom": "soon"},
        {"signsFrom": "2026-11-23T12:00:00"},
        {"retired": "2026-11-23T12:00:00Z"},
        {"colour": D},
    ],
)
def test_other_documents_are_refused_and_no_error_quotes_them(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="it is no JWK set") as refusal:
        read_keys(json.dumps({"keys": [{**STORED, **change}]}).encode())
    assert refusal.value.__cause__ is None
    assert D not in str(refusal.value)
    for document in (b"", b"[]", b"{}", b'{"keys": [{}]}', D.encode(), b"\xff"):
        with pytest.raises(ValueError, match="it is no JWK set"):
            read_keys(document)


def test_a_key_stands_once() -> None:
    with pytest.raises(ValueError, match="a key twice"):
        read_keys(json.dumps({"keys": [STORED, STORED]}).encode())


def test_ids_never_look_like_options() -> None:
    assert not any(PromiseKey.new(NOON, NOON).id.startswith("-") for _ in range(300))


def test_no_key_shows_itself() -> None:
    assert "rivate" not in repr(KEY)
    assert D not in repr(KEY)
