"""Reads headers in one pass: callers without a token send them too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from adapters.wire.request_errors import UnsupportedMediaType
from adapters.wire.request_parser import require_identity_encoding

_READ = {
    name.encode(): name
    for name in (
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "prefer",
        "traceparent",
        "x-correlation-id",
    )
}

_JSON = re.compile(r"application/(json|[a-z0-9!#$&^_.+\-]+\+json)\s*(;.*)?", re.IGNORECASE)


def join_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that this service reads, by their lower-case names, which ASGI promises. Repeated ones are joined
    once, so that many of them stay cheap."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name = _READ.get(raw_name)
        if name is None:
            continue
        value = raw_value.decode("latin-1").strip()
        if name in headers:
            repeated.setdefault(name, []).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ("; " if name == "cookie" else ", ").join([headers[name], *values])
    return headers


def require_json(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedMediaType and UnsupportedContentEncoding for a body that says it is no plain JSON."""
    media_type = headers.get("content-type")
    if media_type is not None and _JSON.fullmatch(media_type) is None:
        raise UnsupportedMediaType
    require_identity_encoding(headers.get("content-encoding"))


def cookie_values(header: str, name: str) -> list[str]:
    """The values, without quotes, of every cookie of this name. It parses no other cookie."""
    pairs = (pair.partition("=") for pair in header.split(";"))
    return [value.strip().strip('"') for own, _, value in pairs if own.strip() == name]
