from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.ports.event_store import StoredEvent
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from workers.dead_letters import dead_letter_context, event_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def letter(*headers: tuple[str, bytes], basket_id: str | None = None) -> DeadLetter:
    return DeadLetter(MessageSource("t", 0, 1), None, None, headers, "code", "error", basket_id)


def test_a_line_about_a_message_names_its_basket_organisation_and_trace() -> None:
    whole = letter(("ce_subject", b"basket-1"), ("ce_partnerorg", b"acme"), ("traceparent", TRACEPARENT.encode()))
    assert dead_letter_context(whole) == {"basket": "basket-1", "organisation": "acme", "trace": TRACE}
    assert dead_letter_context(letter(basket_id="basket-2"))["basket"] == "basket-2"


def test_an_unreadable_message_is_logged_all_the_same() -> None:
    nothing = {"basket": None, "organisation": None, "trace": None}
    assert dead_letter_context(letter()) == nothing
    assert dead_letter_context(letter(("traceparent", b"\xff"))) == nothing


def test_a_line_about_an_event_names_its_basket_organisation_and_trace() -> None:
    metadata = f'{{"partner": "acme", "traceparent": "{TRACEPARENT}"}}'.encode()
    event = StoredEvent(7, "basket-1", 1, "t", b"{}", metadata, datetime.now(UTC))
    assert event_context(event) == {"basket": "basket-1", "organisation": "acme", "trace": TRACE}


@pytest.mark.parametrize("metadata", [b"{}", b"[]", b"{", b'{"traceparent": 7}'])
def test_an_event_with_unreadable_metadata_is_logged_all_the_same(metadata: bytes) -> None:
    bare = StoredEvent(7, "basket-1", 1, "t", b"{}", metadata, datetime.now(UTC))
    assert event_context(bare) == {"basket": "basket-1", "organisation": None, "trace": None}
