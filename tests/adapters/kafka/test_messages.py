from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from msgspec import structs

from adapters.kafka.messages import Message, Received, basket_event_message, verdict_message
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import Publication
from domain.shared.request_span import RequestSpan
from domain.shared.values import MessageSource

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = StoredEvent(
    position=99,
    stream_id="basket-1",
    version=7,
    type="checkout.order-item-added.v1",
    data=b'{"basketId":"basket-1","version":7,"occurredAt":"2026-11-23T11:59:58.5Z","odd":"\xc3\xbc"}',
    metadata=json.dumps(
        {
            "partner": "acme",
            "actor": "a",
            "correlationId": "order 12",
            "causationId": "c-1",
            "traceparent": TRACE,
            "requestVersions": [6, 8],
        }
    ).encode(),
    recorded_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
)


def published(event: StoredEvent = EVENT, verdict: bytes | None = None) -> Message:
    publication = Publication(event, RequestSpan(6, 8), verdict)
    return basket_event_message(publication) if verdict is None else verdict_message(publication)


def test_an_event_is_a_cloud_event_in_binary_mode_with_the_stored_bytes() -> None:
    message = published()

    assert (message.topic, message.key) == ("checkout.basket-events.v1", b"basket-1")
    assert message.value == EVENT.data
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"basket-1/7",
        "ce_source": b"/partner/checkout/baskets/basket-1",
        "ce_type": b"checkout.order-item-added.v1",
        "ce_subject": b"basket-1",
        "ce_time": b"2026-11-23T11:59:58.5Z",
        "ce_recordedtime": b"2026-11-23T12:00:00Z",
        "ce_sequence": b"0000000007",
        "ce_partitionkey": b"basket-1",
        "ce_dataschema": b"urn:checkout:schema:checkout.order-item-added.v1",
        "ce_requestindex": b"2",
        "ce_requestcount": b"3",
        "ce_correlationid": b"order 12",
        "ce_causationid": b"c-1",
        "ce_partnerorg": b"acme",
        "traceparent": TRACE.encode(),
        "content-type": b"application/json",
    }


def test_a_verdict_has_an_id_a_type_and_a_schema_of_its_own() -> None:
    event, verdict = published(), published(verdict=b"{}")

    assert (verdict.topic, verdict.key, verdict.value) == ("checkout.validation-results.v1", b"basket-1", b"{}")
    different = {name for name, value in verdict.headers if dict(event.headers)[name] != value}
    assert different == {"ce_id", "ce_type", "ce_dataschema"}
    assert verdict.header("ce_id") == "basket-1/7/verdict"
    assert verdict.header("ce_type") == "checkout.validation-result.v1"
    assert verdict.header("ce_dataschema") == "urn:checkout:schema:checkout.validation-result.v1"


def test_sequences_sort_as_text() -> None:
    versions = [1, 9, 10, 99, 100, 12_345, 2**31 - 1]
    sequences = [published(structs.replace(EVENT, version=version)).header("ce_sequence") for version in versions]
    assert sorted(map(str, sequences)) == sequences


def test_absent_metadata_is_left_out_of_the_headers() -> None:
    message = published(structs.replace(EVENT, metadata=b'{"partner":"acme","traceparent":null}'))
    for name in ("traceparent", "ce_correlationid", "ce_causationid"):
        assert not message.has_header(name)
    assert message.header("ce_partnerorg") == "acme"


@pytest.mark.parametrize("metadata", [b"[]", b"{", b"\xff", b"", b"[" * 100_000, b'{"partner":"\\ud800"}'])
def test_an_event_with_malformed_metadata_is_published_all_the_same(metadata: bytes) -> None:
    message = published(structs.replace(EVENT, metadata=metadata))
    assert message.value == EVENT.data
    assert not message.has_header("ce_partnerorg")


@pytest.mark.parametrize("data", [b"{", b"\xff", b"null", b'{"occurredAt":7}', b'{"occurredAt":"yesterday"}', b"{}"])
def test_an_event_with_malformed_data_has_the_time_at_which_it_was_stored(data: bytes) -> None:
    message = published(structs.replace(EVENT, data=data))
    assert message.value == data
    assert message.header("ce_time") == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("text", ["", "a\x00", "a\n", "a\x85", "\ufdd0", "\ufffe", "\U0010ffff"])
def test_text_that_cloud_events_forbid_is_left_out(text: str) -> None:
    message = published(
        structs.replace(EVENT, metadata=json.dumps({"partner": text, "correlationId": "Zürich 🧺"}).encode())
    )
    assert not message.has_header("ce_partnerorg")
    assert message.header("ce_correlationid") == "Zürich 🧺"


def test_a_message_is_named_by_its_place_and_its_time() -> None:
    received = Received(Message("t", None, None, ()), MessageSource("t", 3, 7), at=datetime(1970, 1, 2, tzinfo=UTC))
    assert received.name == "t/3/7@86400000"
    assert structs.replace(received, at=None).name == "t/3/7"


def test_the_last_header_of_a_name_counts_and_one_that_is_not_utf_8_is_none() -> None:
    message = Message("t", None, None, (("a", b"1"), ("a", b"2"), ("b", b"\xff")))
    assert (message.header("a"), message.header("b"), message.header("c")) == ("2", None, None)
