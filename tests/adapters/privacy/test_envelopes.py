"""Sealed values: whatever was sealed comes back, to the one place that it was sealed for."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from adapters.privacy.documents import EMPTY, may_hold_personal_data, personal
from adapters.privacy.envelopes import NotOurs, key_id_of, seal, unseal
from domain.basket.codec import encode
from domain.basket.events import BasketDetails, BasketDetailsChanged
from domain.values import same_json
from tests.builders import NOW

KEY_ID = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c101"
CIPHER = AESSIV(secrets.token_bytes(64))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from([*EMPTY]), inner, max_size=3)
    ),
    max_leaves=8,
)
maps = st.dictionaries(texts | st.sampled_from(["$sealed", "key", *EMPTY]), values, max_size=4)


@given(maps)
def test_any_map_comes_back_as_it_was(value: dict[str, Any]) -> None:
    sealed = seal(value, CIPHER, KEY_ID, "basket-1", "tracking")
    stored = json.loads(to_json(sealed))
    assert key_id_of(stored) == KEY_ID
    opened = unseal(stored, CIPHER, "basket-1", "tracking")
    assert same_json(opened, json.loads(to_json(value)))
    # The order of entries too: it is the caller's.
    assert to_json(opened) == to_json(value)


@given(maps)
def test_the_same_map_of_the_same_basket_is_always_the_same_bytes(value: dict[str, Any]) -> None:
    one, other = (seal(value, CIPHER, KEY_ID, "basket-1", "tracking") for _ in range(2))
    assert one == other
    assert one != seal(value, CIPHER, KEY_ID, "basket-2", "tracking")


def test_what_is_sealed_shows_nothing_of_what_it_holds() -> None:
    sealed = to_json(seal({"mail": "ada@example.org"}, CIPHER, KEY_ID, "basket-1", "tracking"))
    assert b"ada" not in sealed
    assert b"mail" not in sealed


@pytest.mark.parametrize(
    ("basket_id", "field", "cipher"),
    [
        ("basket-2", "tracking", CIPHER),
        ("basket-1", "customFields", CIPHER),
        ("basket-1", "tracking", AESSIV(secrets.token_bytes(64))),
    ],
    ids=["another basket", "another field", "another key"],
)
@pytest.mark.parametrize("value", [{"a": 1}, "person-1"], ids=["a map", "a text"])
def test_it_opens_nowhere_else(
    value: dict[str, Any] | str, basket_id: str, field: str, cipher: AESSIV
) -> None:
    sealed = seal(value, CIPHER, KEY_ID, "basket-1", "tracking")
    assert unseal(sealed, CIPHER, "basket-1", "tracking") == value
    with pytest.raises(NotOurs):
        unseal(sealed, cipher, basket_id, field)


@pytest.mark.parametrize("secret", ["", "no base 64!", "AAAA"])
def test_what_is_mutilated_does_not_open(secret: str) -> None:
    with pytest.raises(NotOurs):
        unseal({"$sealed": secret, "key": KEY_ID}, CIPHER, "basket-1", "tracking")


@pytest.mark.parametrize(
    "value",
    [
        {},
        None,
        "person-1",
        {"$sealed": "x"},
        {"$sealed": "x", "key": "not an id"},
        {"$sealed": "x", "key": KEY_ID, "more": 1},
        {"$sealed": 1, "key": KEY_ID},
        f"$sealed:{KEY_ID}",
    ],
)
def test_what_only_resembles_a_sealed_value_is_none(value: object) -> None:
    assert key_id_of(value) is None


@given(maps, maps, st.none() | st.just("person-1"))
def test_the_look_at_bytes_says_exactly_whether_anything_is_personal(
    tracking: dict[str, Any], custom_fields: dict[str, Any], subject: str | None
) -> None:
    details = BasketDetails(tracking=tracking, custom_fields=custom_fields, data_subject=subject)
    event = BasketDetailsChanged(
        originator_id="basket-1", originator_version=2, timestamp=NOW, details=details, changed=()
    )
    document = encode(event)
    holds = [*personal(json.loads(document)["details"])] != []
    assert may_hold_personal_data(document) == holds
