"""Headers of CloudEvents 1.0.2 in the binary mode of its Kafka binding. docs/operations/cloudevents.md says
what earlier releases wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from adapters.wire.schema_uris import schema_uri

SOURCE = "/partner/checkout"
"""The sources of all our messages lie below this path."""

JSON_TYPE = "application/json"

Header = tuple[str, bytes]
Headers = tuple[Header, ...]

_SPECVERSION: Header = ("ce_specversion", b"1.0")

_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
"""What CloudEvents forbids in text: control characters, surrogates, and code points that are no characters."""


def cloud_event(
    *,
    id: str,
    source: str,
    type: str,
    time: str,
    subject: str | None = None,
    content_type: str = JSON_TYPE,
    **extensions: str | None,
) -> Headers:
    """The headers of an event. Optional attributes that are None or cannot be CloudEvents text are left out.

    `source` is a URI reference and `time` RFC 3339. `traceparent` is the header of W3C Trace Context, which tracing
    tools read, and no attribute.

    The `cloudevents` SDK cannot make these bytes: it prefixes `traceparent` and writes `time` anew in another
    precision. It also costs the publisher several times as much.
    """
    attributes = extension_headers(subject=subject, **extensions)
    return join_headers(id, source.encode(), type, time.encode(), attributes, content_type.encode())


def join_headers(
    id: str, source: bytes, type: str, time: bytes, more: Headers, content_type: bytes = JSON_TYPE.encode()
) -> Headers:
    """As `cloud_event`, of parts that many events share. `more` are extension headers."""
    type_header, schema = _type_headers(type)
    return (
        _SPECVERSION,
        ("ce_id", id.encode()),
        ("ce_source", source),
        type_header,
        ("ce_time", time),
        schema,
        ("content-type", content_type),
        *more,
    )


def extension_headers(**attributes: str | None) -> Headers:
    """Headers of optional attributes. Those that are None or cannot be CloudEvents text are left out."""
    return tuple(
        [
            (name if name == "traceparent" else f"ce_{name}", value.encode())
            for name, value in attributes.items()
            if value is not None and is_attribute_text(value)
        ]
    )


@lru_cache(maxsize=256)
def _type_headers(type: str) -> tuple[Header, Header]:
    return ("ce_type", type.encode()), ("ce_dataschema", schema_uri(type).encode())


def source_of(kind: str, name: str | None) -> str:
    """The source of messages of a kind for an organisation, as a URI reference."""
    source = f"{SOURCE}/{kind}"
    return f"{source}/{quote(name, safe='')}" if name and is_attribute_text(name) else source


def is_attribute_text(text: str) -> bool:
    """Whether this is a non-empty CloudEvents String."""
    # Most text is printable ASCII, which is found out fastest.
    return bool(text) and ((text.isascii() and text.isprintable()) or _FORBIDDEN.search(text) is None)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
