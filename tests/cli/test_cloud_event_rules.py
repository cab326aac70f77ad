"""The checker of CloudEvents finds what breaks a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cli.conformance.cloud_event_rules import CloudEventRules, WireMessage, sequence_faults

GOOD: Mapping[str, bytes] = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"/a",
    "ce_type": b"t.v1",
    "ce_time": b"2026-11-23T12:00:00Z",
    "ce_dataschema": b"urn:a:b",
    "ce_partitionkey": b"k",
    "content-type": b"application/json",
}


def message(**changes: bytes | None) -> WireMessage:
    named = {name.replace("content_type", "content-type"): value for name, value in changes.items()}
    headers = tuple((name, value) for name, value in {**GOOD, **named}.items() if value is not None)
    return WireMessage(b"k", b"{}", headers)


def test_a_conformant_event_breaks_no_rule() -> None:
    assert (
        CloudEventRules().broken_by(message(ce_replay=b"r", traceparent=b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"))
        == []
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ce_id": None}, "id is missing"),
        ({"ce_source": b""}, "source is missing"),
        ({"ce_specversion": b"0.3"}, "specversion is '0.3'"),
        ({"ce_Upper": b"x"}, "'Upper' is no name"),
        ({"ce_a_b": b"x"}, "'a_b' is no name"),
        ({"ce_data": b"x"}, "data is no name"),
        ({"ce_datacontenttype": b"x/y"}, "belongs into the header content-type"),
        ({"ce_subject": b""}, "subject is empty"),
        ({"ce_subject": b"a\x1f"}, "subject has a character"),
        ({"ce_subject": "\ufffe".encode()}, "subject has a character"),
        ({"ce_subject": b"\xff"}, "not UTF-8"),
        ({"ce_time": b"2026-11-23 12:00:00Z"}, "time is not RFC 3339"),
        ({"ce_time": b"2026-13-23T12:00:00Z"}, "time is not RFC 3339"),
        ({"ce_recordedtime": b"2026-11-23T12:00:00"}, "recordedtime is not RFC 3339"),
        ({"ce_requestindex": b"01"}, "requestindex is no Integer"),
        ({"ce_requestindex": b"2147483648"}, "requestindex is no Integer"),
        ({"ce_source": b"/a b"}, "source is no URI reference"),
        ({"ce_source": "/ü".encode()}, "source is no URI reference"),
        ({"ce_dataschema": b"/a"}, "dataschema is no absolute URI"),
        ({"ce_partitionkey": b"other"}, "partitionkey is 'other', the key 'k'"),
        ({"traceparent": b"00-1-2-01"}, "traceparent is"),
        ({"content_type": None}, "content-type is missing"),
        ({"content_type": b"json"}, "content-type is no media type"),
        ({"content_type": b"application/cloudevents+json"}, "the event is in the value"),
    ],
)
def test_each_broken_rule_is_named(changes: dict[str, bytes | None], fault: str) -> None:
    (found,) = CloudEventRules().broken_by(message(**changes))
    assert fault in found


def test_a_value_that_is_not_json_is_named() -> None:
    (found,) = CloudEventRules().broken_by(replace(message(), value=b"{"))
    assert "not JSON" in found


def test_a_header_that_stands_there_twice_is_named() -> None:
    twice = replace(message(), headers=(*message().headers, ("ce_id", b"1")))
    assert CloudEventRules().broken_by(twice) == ["ce_id stands there twice"]


def test_source_and_id_name_one_event() -> None:
    rules = CloudEventRules()
    assert rules.broken_by(message()) == []
    assert rules.broken_by(message(ce_source=b"/b")) == []
    (found,) = rules.broken_by(message())
    assert "named another event before" in found


def test_the_same_message_may_come_again_where_repeats_are_allowed() -> None:
    rules = CloudEventRules(repeats_allowed=True)
    assert [rules.broken_by(message()) for _ in range(2)] == [[], []]
    assert len(rules.broken_by(replace(message(), value=b"[]"))) == 1


def test_a_sequence_rises_as_text_by_one() -> None:
    def faults(*sequences: bytes) -> int:
        return len([*sequence_faults(message(ce_sequence=each) for each in sequences)])

    assert faults(b"08", b"09", b"10") == 1  # it does not begin with 1
    assert faults(b"01", b"02", b"03") == 0
    assert faults(b"01", b"03") == 1
    assert faults(*(str(n).encode() for n in range(1, 11))) == 1
