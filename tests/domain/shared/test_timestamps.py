"""Only RFC 3339 text with an offset is a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cli.operator_options import timestamp_option
from domain.shared.values import Timestamp, parse_timestamp

MOMENT: TypeAdapter[datetime] = TypeAdapter(Timestamp)

NO_TIMES = [
    "",
    "20991231",
    "1700000000",
    "1700000000.5",
    "-1",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z",
    "2026-01-01T00:00Z",
    "2026-01-01T00Z",
    "20260101T000000Z",
    "2026-W01-1T00:00:00Z",
    "2026-001T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-06-30T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00+01",
    "2026-01-01T00:00:00+01:00:30",
    "2026-01-01T00:00:00,5Z",
    "2026-01-01T00:00:00.Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    " 2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z\n",
    "２０２６-01-01T00:00:00Z",
    "2026-01-01T00:00:00 Z",
    "now",
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_other_text_is_no_time_in_any_input(text: str) -> None:
    with pytest.raises(ValueError, match="a time"):
        parse_timestamp(text)
    with pytest.raises(ValidationError):
        MOMENT.validate_python(text)
    with pytest.raises(ValidationError):
        MOMENT.validate_json(MOMENT_AS_JSON.dump_json(text), strict=True)
    with pytest.raises(typer.BadParameter):
        timestamp_option(text)


MOMENT_AS_JSON: TypeAdapter[str] = TypeAdapter(str)


@pytest.mark.parametrize("document", ["1700000000", "1.7e9", "0", "true", "null", "[]", '{"seconds": 1}', "-1"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_value_that_is_no_text_is_no_time(document: str, strict: bool) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_json(document, strict=strict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:00:00Z", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31t09:00:00z", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31T09:00:00-00:00", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31T09:00:00.5+05:30", datetime(2026, 1, 31, 3, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T09:00:00.123456789Z", datetime(2026, 1, 31, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        ("2024-02-29T23:59:59+23:59", datetime(2024, 2, 29, 0, 0, 59, tzinfo=UTC)),
    ],
)
def test_an_rfc_3339_time_is_read_exactly(text: str, expected: datetime) -> None:
    assert parse_timestamp(text) == expected
    assert MOMENT.validate_json(f'"{text}"', strict=True).utcoffset() == timedelta(0)


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets)  # noqa: DTZ001


@given(moments)
def test_every_written_time_is_read_back(at: datetime) -> None:
    assert parse_timestamp(at.isoformat()) == at
    assert MOMENT.validate_json(MOMENT.dump_json(at)) == at


@given(st.text(alphabet="0123456789TtZz:.+- W", max_size=30))
def test_no_other_text_of_the_same_characters_is_a_time(text: str) -> None:
    try:
        read = parse_timestamp(text)
    except ValueError:
        return
    assert "t" in text.lower()
    assert read.utcoffset() == timedelta(0)
