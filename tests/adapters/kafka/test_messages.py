from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from adapters.kafka.dead_letters import dead_letter_message
from adapters.kafka.messages import Message, basket_event_message, verdict_message
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = StoredEvent(
    position=99,
    stream_id="basket-1",
    version=7,
    type="checkout.order-item-added.v1",
    data=b'{"basketId":"basket-1","version":7,"occurredAt":"2026-11-23T11:59:58.5Z","odd":"\xc3\xbc"}',
    metadata=b'{"partner":"acme","actor":"a","traceparent":"%s"}' % TRACE.encode(),
    recorded_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
)


def test_an_event_is_a_cloud_event_in_binary_mode_with_the_stored_bytes() -> None:
    message = basket_event_message(EVENT)

    assert (message.topic, message.key) == ("checkout.basket-events.v1", b"basket-1")
    assert message.value == EVENT.data
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"basket-1/7",
        "ce_source": b"/partner/checkout",
        "ce_type": b"checkout.order-item-added.v1",
        "ce_subject": b"basket-1",
        "ce_time": b"2026-11-23T11:59:58.5Z",
        "ce_sequence": b"7",
        "ce_partnerorg": b"acme",
        "traceparent": TRACE.encode(),
        "content-type": b"application/json",
    }


def test_a_verdict_has_the_id_of_its_event_and_a_type_of_its_own() -> None:
    message = verdict_message(EVENT, b"{}")

    assert (message.topic, message.key, message.value) == (
        "checkout.validation-results.v1",
        b"basket-1",
        b"{}",
    )
    assert message.header("ce_id") == "basket-1/7"
    assert message.header("ce_type") == "checkout.validation-result.v1"
    assert message.header("ce_partnerorg") == "acme"


def test_absent_metadata_is_left_out_of_the_headers() -> None:
    message = basket_event_message(replace(EVENT, metadata=b'{"partner":"acme","traceparent":null}'))
    assert message.header("traceparent") is None


def test_a_malformed_event_is_published_all_the_same() -> None:
    message = basket_event_message(replace(EVENT, data=b"{", metadata=b"[]"))
    assert message.value == b"{"
    assert message.header("ce_time") == "2026-11-23T12:00:00Z"


def test_a_dead_letter_has_the_reason_and_the_unchanged_message() -> None:
    letter = DeadLetter(
        source=MessageSource("checkout.basket-events.v1", 3, 7),
        key=b"basket-1",
        value=b"\xff",
        headers=[("ce_id", b"basket-1/2")],
        code="unreadable",
        error="no JSON \ud800",
        basket_id="basket-1",
    )

    message = dead_letter_message(letter, datetime(2026, 11, 23, 12, tzinfo=UTC))

    assert (message.topic, message.key, message.value) == ("checkout.dead-letters.v1", b"basket-1", b"\xff")
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"checkout.basket-events.v1/3/7",
        "ce_source": b"/partner/checkout",
        "ce_type": b"checkout.dead-letter.v1",
        "ce_subject": b"basket-1",
        "ce_time": b"2026-11-23T12:00:00Z",
        "content-type": b"application/octet-stream",
        "dead_letter_code": b"unreadable",
        "dead_letter_error": b"no JSON ?",
        "dead_letter_topic": b"checkout.basket-events.v1",
        "dead_letter_partition": b"3",
        "dead_letter_offset": b"7",
        "original_ce_id": b"basket-1/2",
    }


def test_the_last_header_of_a_name_counts_and_one_that_is_not_utf_8_is_none() -> None:
    message = Message("t", None, None, (("a", b"1"), ("a", b"2"), ("b", b"\xff")))
    assert (message.header("a"), message.header("b"), message.header("c")) == ("2", None, None)
