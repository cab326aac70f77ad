"""Errors about unreadable documents do not quote them: they go to logs, dead letters and worker status."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from domain.basket.codec import UnreadableEvent, decode, decode_all
from domain.basket.snapshot import BasketSnapshot
from tests.domain.stored import samples

MARKER = "ada-lovelace"


def _spoiled(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The document, with each of its members replaced by an impossible value."""
    return [{**document, name: {MARKER: MARKER}} for name in document if name != "type"]


def _told(read: Callable[[], object]) -> str:
    try:
        read()
    except UnreadableEvent as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", samples())
def test_errors_about_a_stored_event_do_not_quote_it(name: str) -> None:
    told = [
        _told(read)
        for spoiled in _spoiled(samples()[name])
        for read in (partial(decode, spoiled), partial(decode_all, json.dumps([spoiled]).encode()))
    ]
    assert any(told)
    assert not [words for words in told if MARKER in words]


@pytest.mark.parametrize("cut", [b'{"who":"ada-lovelace', b'[{"who":"ada-lovelace"', b'"ada-lovelace"'])
def test_errors_about_invalid_json_do_not_quote_it(cut: bytes) -> None:
    with pytest.raises(UnreadableEvent) as events:
        decode_all(b"[" + cut + b"]")
    with pytest.raises(ValidationError) as snapshot:
        BasketSnapshot.model_validate_json(cut)
    assert not any(MARKER in str(raised.value) for raised in (events, snapshot))
