"""What was sent and what came, as text for reports. Secrets are left out as it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_SHOWN = 4_000
"""Characters of a body in a report."""

REDACTED = "***"
_SECRET_HEADERS = {"authorization", "proxy-authorization", "x-api-key"}
_COOKIE_PAIR = re.compile(r"([^=;\s]+)=([^;]*)")
_JWT = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*")


@dataclass(frozen=True, slots=True)
class Exchange:
    """`sent` and `came` are lines: a request and its response, or messages."""

    sent: tuple[str, ...]
    came: tuple[str, ...]


def http_lines(start: str, headers: Iterable[tuple[str, str]], body: str, landing_cookie: str) -> tuple[str, ...]:
    """A request or a response. Only the landing state's cookie keeps its value: it is a pointer, never a credential."""
    shown = [f"{name.lower()}: {_header_value(name.lower(), value, landing_cookie)}" for name, value in headers]
    return (start, *shown, *(("", *shortened(body).splitlines()) if body else ()))


def shortened(text: str) -> str:
    """The text without tokens, and not longer than reports show."""
    text = _JWT.sub(_without_signature, text)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text) - MAX_SHOWN} more characters)"


def _without_signature(token: re.Match[str]) -> str:
    return f"{token[0].rpartition('.')[0]}.{REDACTED}"


def _header_value(name: str, value: str, landing_cookie: str) -> str:
    if name in _SECRET_HEADERS:
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {REDACTED}" if space else REDACTED
    if name == "cookie":
        return _COOKIE_PAIR.sub(lambda pair: _cookie_pair(pair, landing_cookie), value)
    if name == "set-cookie":
        first, semicolon, attributes = value.partition(";")
        return _COOKIE_PAIR.sub(lambda pair: _cookie_pair(pair, landing_cookie), first) + semicolon + attributes
    return shortened(value)


def _cookie_pair(pair: re.Match[str], landing_cookie: str) -> str:
    return pair[0] if pair[1] == landing_cookie else f"{pair[1]}={REDACTED}"


def joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)
