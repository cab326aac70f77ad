"""Dead letters as messages."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.kafka.dead_letters import dead_letter_message
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def letter(key: bytes | None = b"basket-1", *headers: tuple[str, bytes]) -> DeadLetter:
    return DeadLetter(
        source=MessageSource("checkout.basket-events.v1", 3, 7),
        key=key,
        value=b"\xff",
        headers=headers,
        code="unreadable",
        error="no JSON \ud800",
        basket_id="basket-1",
    )


def test_a_dead_letter_has_the_reason_and_the_unchanged_message() -> None:
    message = dead_letter_message(letter(b"basket-1", ("ce_id", b"basket-1/2")), NOW)

    assert (message.topic, message.key, message.value) == ("checkout.dead-letters.v1", b"basket-1", b"\xff")
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"checkout.basket-events.v1/3/7",
        "ce_source": b"/partner/checkout/dead-letters",
        "ce_type": b"checkout.dead-letter.v1",
        "ce_dataschema": b"urn:checkout:schema:checkout.dead-letter.v1",
        "ce_subject": b"basket-1",
        "ce_partitionkey": b"basket-1",
        "ce_time": b"2026-11-23T12:00:00Z",
        "content-type": b"application/octet-stream",
        "dead_letter_code": b"unreadable",
        "dead_letter_error": b"no JSON ?",
        "dead_letter_topic": b"checkout.basket-events.v1",
        "dead_letter_partition": b"3",
        "dead_letter_offset": b"7",
        "original_ce_id": b"basket-1/2",
    }


def test_a_key_that_is_no_text_is_no_partition_key() -> None:
    for key in (None, b"", b"\xff", b"a\x00"):
        message = dead_letter_message(letter(key), NOW)
        assert message.key == key
        assert not message.has_header("ce_partitionkey")


def test_bytes_of_original_headers_that_are_not_utf_8_are_escaped() -> None:
    message = dead_letter_message(letter(None, ("ce_id", b"\xff\xc3\xbc"), ("n", b"\xc3\xbc")), NOW)
    assert message.header("original_ce_id") == "\\xffü"
    assert message.header("original_n") == "ü"
