"""W3C Trace Context and correlation ids, as callers send them."""

from __future__ import annotations

import re

import msgspec

from domain.shared.values import NewId

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_CORRELATION_ID = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?")


class TraceContext(msgspec.Struct, frozen=True):
    trace_id: str
    traceparent: str
    correlation_id: str


def continue_trace(traceparent: str | None, correlation_id: str | None, new_id: NewId) -> TraceContext:
    """The caller's trace, or a new one if it cannot be read. An unreadable correlation id becomes the trace's id."""
    known = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if known is None or (known[1] == "00" and known[5]):
        trace_id = new_id().replace("-", "")
        span_id, flags = trace_id[-16:], "01"  # its random half, because a span needs no other one than its trace
    else:
        # a later version may have more fields; we continue it as version 00
        trace_id, span_id, flags = known[2], known[3], known[4]
    traceparent = f"00-{trace_id}-{span_id}-{flags}"
    if correlation_id is None or _CORRELATION_ID.fullmatch(correlation_id) is None:
        correlation_id = trace_id
    return TraceContext(trace_id, traceparent, correlation_id)
