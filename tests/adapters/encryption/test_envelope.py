"""EncryptedStores values decrypt to what they were, at their own place only."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from adapters.encryption.envelope import (
    DecryptionFailed,
    SealedValue,
    key_id_of,
    may_hold_unsealed_data,
    replace_sealed,
    seal,
    sealed_key_ids,
    unseal,
)
from domain.basket.codec import encode
from domain.basket.events import BasketDetails, BasketDetailsChanged
from domain.basket.personal_fields import EMPTY_FIELDS, filled_fields, may_hold_personal_data
from tests.builders import NOW

KEY_ID = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c101"
CIPHER = AESSIV(secrets.token_bytes(64))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from([*EMPTY_FIELDS]), inner, max_size=3)
    ),
    max_leaves=8,
)
maps = st.dictionaries(texts | st.sampled_from(["$sealed", "key", *EMPTY_FIELDS]), values, max_size=4)


def sealed_document(value: dict[str, Any] | str, field: str = "tracking") -> bytes:
    """A document with a sealed value among others."""
    return to_json({"a": "tracking", field: seal(value, CIPHER, KEY_ID, "basket-1", field), "z": [1]})


def opened(document: bytes, *, cipher: AESSIV = CIPHER, basket_id: str = "basket-1", field: str | None = None) -> bytes:
    """The decrypted document. `field`: as if the value stood there."""

    def open(sealed: SealedValue) -> bytes:
        return unseal(replace(sealed, field=field or sealed.field), cipher, basket_id)

    return replace_sealed(document, open)


@given(maps)
def test_any_map_decrypts_to_the_same_bytes(value: dict[str, Any]) -> None:
    stored = sealed_document(value)
    assert sealed_key_ids(stored) == {KEY_ID}
    assert key_id_of(json.loads(stored)["tracking"]) == KEY_ID
    # Byte for byte: callers also own the order of entries and the form of numbers.
    assert opened(stored) == to_json({"a": "tracking", "tracking": value, "z": [1]})


@given(maps)
def test_the_same_map_of_the_same_basket_always_encrypts_to_the_same_bytes(value: dict[str, Any]) -> None:
    one, other = (seal(value, CIPHER, KEY_ID, "basket-1", "tracking") for _ in range(2))
    assert one == other
    assert one != seal(value, CIPHER, KEY_ID, "basket-2", "tracking")


def test_a_sealed_value_reveals_nothing_of_its_content() -> None:
    sealed = to_json(seal({"mail": "ada@example.org"}, CIPHER, KEY_ID, "basket-1", "tracking"))
    assert b"ada" not in sealed
    assert b"mail" not in sealed


@pytest.mark.parametrize(
    ("basket_id", "field", "cipher"),
    [
        ("basket-2", None, CIPHER),
        ("basket-1", "customFields", CIPHER),
        ("basket-1", None, AESSIV(secrets.token_bytes(64))),
    ],
    ids=["another basket", "another field", "another key"],
)
@pytest.mark.parametrize(("value", "own"), [({"a": 1}, "tracking"), ("person-1", "dataSubject")])
def test_a_value_moved_elsewhere_does_not_decrypt(
    value: dict[str, Any] | str, own: str, basket_id: str, field: str | None, cipher: AESSIV
) -> None:
    document = sealed_document(value, own)
    assert json.loads(opened(document))[own] == value
    with pytest.raises(DecryptionFailed):
        opened(document, cipher=cipher, basket_id=basket_id, field=field)


def test_a_damaged_value_does_not_decrypt() -> None:
    for secret in (b"AAAA", b"A", b"===="):
        with pytest.raises(DecryptionFailed):
            unseal(SealedValue(KEY_ID, "tracking", secret), CIPHER, "basket-1")


def test_a_value_that_is_not_decrypted_stays_as_it_is() -> None:
    document = sealed_document({"a": 1})
    assert replace_sealed(document, lambda sealed: None) == document


@given(maps, maps)
def test_text_inside_a_map_is_never_taken_for_a_sealed_value(one: dict[str, Any], other: dict[str, Any]) -> None:
    said = to_json({"text": to_json(seal(one, CIPHER, KEY_ID, "basket-1", "tracking")).decode(), "more": other})
    document = to_json({"note": said.decode()})
    assert sealed_key_ids(document) == set()


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
def test_a_value_that_only_resembles_a_sealed_one_names_no_key(value: object) -> None:
    assert key_id_of(value) is None


@given(maps, maps, st.none() | st.just("person-1"))
def test_the_search_of_the_bytes_finds_exactly_the_personal_data(
    tracking: dict[str, Any], custom_fields: dict[str, Any], subject: str | None
) -> None:
    details = BasketDetails(tracking=tracking, custom_fields=custom_fields, data_subject=subject)
    event = BasketDetailsChanged(
        originator_id="basket-1", originator_version=2, timestamp=NOW, details=details, changed=()
    )
    document = encode(event)
    holds = [*filled_fields(json.loads(document)["details"])] != []
    assert may_hold_personal_data(document) == holds


_OLDER = ({"tracking", "customFields"}, {"tracking", "customFields", "dataSubject"})
"""The personal fields of documents of older releases."""


@pytest.mark.parametrize("names", [*_OLDER, {*EMPTY_FIELDS}], ids=["first", "second", "now"])
@pytest.mark.parametrize("field", EMPTY_FIELDS)
def test_one_field_that_is_not_sealed_is_noticed_and_none_where_all_are(names: set[str], field: str) -> None:
    values: dict[str, Any] = {name: "p-1" if name == "dataSubject" else {"a": name} for name in names}
    sealed = {name: seal(values[name], CIPHER, KEY_ID, "basket-1", name) for name in EMPTY_FIELDS if name in names}

    def document(details: dict[str, Any]) -> bytes:
        return to_json({"details": {"source": None, **details}})

    assert may_hold_personal_data(document(sealed))
    assert not may_hold_unsealed_data(document(sealed))
    assert not may_hold_unsealed_data(document({name: EMPTY_FIELDS[name] for name in sealed}))
    if field in names:
        assert may_hold_unsealed_data(document({**sealed, field: values[field]}))
        assert not may_hold_unsealed_data(document({**sealed, field: EMPTY_FIELDS[field]}))
