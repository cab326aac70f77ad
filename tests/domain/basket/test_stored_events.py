"""Stored events stay readable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from domain.basket.codec import KNOWN_TYPES, decode, decode_all, encode
from domain.basket.events import BasketEvent
from tests.domain.stored import samples

SAMPLES = samples()


def common(document: Any, sample: Any) -> Any:
    """The document's values of the sample's fields. Fields that were added since are ignored."""
    if isinstance(document, dict) and isinstance(sample, dict):
        return {key: common(document[key], value) for key, value in sample.items() if key in document}
    if isinstance(document, list) and isinstance(sample, list):
        return [common(*pair) for pair in zip(document, sample, strict=True)]
    return document


@pytest.mark.parametrize("name", SAMPLES)
def test_a_stored_event_is_read_and_written_again_as_it_was(name: str) -> None:
    sample = SAMPLES[name]
    event = decode(sample)
    assert type(event) in BasketEvent.__args__
    written = json.loads(encode(event))
    # Compared as text, because in Python true equals 1.
    assert json.dumps(common(written, sample)) == json.dumps(sample)


def test_all_stored_events_are_read_at_once() -> None:
    array = json.dumps(list(SAMPLES.values())).encode()
    assert decode_all(array) == [decode(sample) for sample in SAMPLES.values()]


def test_every_type_has_a_sample() -> None:
    assert {sample["type"] for sample in SAMPLES.values()} == KNOWN_TYPES


@pytest.mark.parametrize("event", BasketEvent.__args__)
def test_every_field_of_a_type_is_filled_in_one_of_its_samples(event: type[BaseModel]) -> None:
    type_name = event.model_fields["type"].default
    of_type = [sample for sample in SAMPLES.values() if sample["type"] == type_name]
    for field in event.model_fields.values():
        assert any(sample.get(str(field.alias)) is not None for sample in of_type), field.alias
