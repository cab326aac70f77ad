"""What a caller is told whose request breaks a limit or the protocol: a problem document, and the connection ends."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from adapters.http.limits import HttpLimits
from adapters.metrics.process_metrics import HTTP_REFUSED
from adapters.wire.problems import (
    RETRY_AFTER_ONE_SECOND,
    Problem,
    ProblemType,
    to_problem,
)
from adapters.wire.request_errors import BodyTooLarge


@dataclass(frozen=True, slots=True)
class LimitProblem:
    """`reason` is the metric's label."""

    reason: str
    problem: Problem

    def count(self) -> None:
        HTTP_REFUSED.labels(self.reason).inc()

    def response(self) -> bytes:
        """The whole response, as HTTP/1.1 sends it."""
        answer = self.problem.response()
        headers = {
            **answer.headers,
            "content-length": str(len(answer.body)),
            "cache-control": "no-store",
            "connection": "close",
        }
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()
        )
        return head.encode("latin-1") + b"\r\n" + answer.body


class LimitProblems:
    """Every rejection, with the limits as they are set."""

    def __init__(self, limits: HttpLimits) -> None:
        too_large = ProblemType(431, "headers_too_large", "The headers are too large")
        too_long = ProblemType(414, "uri_too_long", "The request line is too long")
        self.malformed = LimitProblem(
            "malformed_request",
            Problem(
                ProblemType(400, "malformed_request", "The request is no HTTP/1.1"),
                "The request cannot be read.",
            ),
        )
        self.header_bytes = LimitProblem(
            "header_bytes",
            Problem(too_large, f"Request line and headers hold at most {limits.header_bytes} bytes."),
        )
        self.header_count = LimitProblem(
            "header_count", Problem(too_large, f"A request has at most {limits.header_count} header lines.")
        )
        self.request_line = LimitProblem(
            "request_line",
            Problem(too_long, f"A request line holds at most {limits.request_line_bytes} bytes."),
        )
        self.url = LimitProblem("url", Problem(too_long, f"A URL holds at most {limits.url_bytes} bytes."))
        self.body = LimitProblem("body", to_problem(BodyTooLarge(limits.body_bytes)))
        late = ProblemType(408, "request_timeout", "The request took too long")
        self.headers_timeout = LimitProblem(
            "headers_timeout",
            Problem(late, f"The headers must be there within {limits.headers_timeout:g} seconds."),
        )
        self.body_timeout = LimitProblem(
            "body_timeout", Problem(late, f"The body must be there within {limits.body_timeout:g} seconds.")
        )
        crowded = ProblemType(503, "too_many_connections", "There are too many connections")
        self.connections = LimitProblem(
            "connections", Problem(crowded, "Trying again soon is safe.", headers=RETRY_AFTER_ONE_SECOND)
        )
        self.connections_per_client = LimitProblem(
            "connections_per_client",
            Problem(crowded, "Your address has too many connections open.", headers=RETRY_AFTER_ONE_SECOND),
        )


SEND_TIMEOUT = "send_timeout"
MADE_ROOM = "made_room"
WEBSOCKET = "websocket"
"""Reasons why a connection is closed without an answer: nobody reads one, or nobody asked."""


def count_closed(reason: str) -> None:
    HTTP_REFUSED.labels(reason).inc()
