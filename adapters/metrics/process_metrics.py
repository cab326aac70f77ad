"""What a process counts. Hot paths bind the children of these metrics once."""

from __future__ import annotations

from typing import Literal

from prometheus_client import Counter, Histogram, disable_created_metrics

from adapters.metrics.tallies import CounterTally, HistogramTally

# Nobody needs a second series for each counter and histogram.
disable_created_metrics()  # type: ignore[no-untyped-call]

HTTP_REQUESTS = CounterTally(
    "checkout_http_requests_total",
    "Requests that the API answered.",
    ["method", "route", "status"],
)
HTTP_SECONDS = HistogramTally(
    "checkout_http_request_duration_seconds",
    "How long the API took for a request, from its first byte to the last byte of the response.",
    ["method", "route"],
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
HTTP_REFUSED = Counter(
    "checkout_http_refused_total",
    "Requests and connections that this process refused or closed because of a limit.",
    ["reason"],
)
COMMANDS = CounterTally(
    "checkout_commands_total",
    "Commands that were executed or rejected, by the way on which they came.",
    ["kind", "way", "outcome"],
)
ORDERS = Counter(
    "checkout_orders_total",
    "Reports of order services that were settled, by what became of them.",
    ["outcome"],
)
EVENTS_APPENDED = Counter("checkout_events_appended_total", "Events that this process appended to the event store.")
APPEND_BATCH_SIZE = Histogram(
    "checkout_append_batch_size",
    "How many appends went to the event store in one call.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
APPEND_SECONDS = Histogram(
    "checkout_append_duration_seconds",
    "How long the event store took for one call.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)

CommandKind = Literal["initiate", "update", "validate", "cancel", "other"]
OutcomeLabel = Literal["done", "refused", "failed"]


def outcome_label(status: int) -> OutcomeLabel:
    """The outcome of an HTTP status: `refused` is the caller's fault, `failed` is ours."""
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"
