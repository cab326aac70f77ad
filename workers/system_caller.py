"""The caller of commands that the service gives itself."""

from __future__ import annotations

from adapters.wire.trace_context import continue_trace
from domain.basket.commands import Caller
from domain.shared.values import NewId


def system_caller(actor: str, new_id: NewId) -> Caller:
    """A caller with a new trace. It has no organisation: the basket's own is recorded."""
    trace = continue_trace(None, None, new_id)
    return Caller(
        partner="",
        actor=actor,
        correlation_id=trace.correlation_id,
        causation_id=new_id(),
        traceparent=trace.traceparent,
    )
