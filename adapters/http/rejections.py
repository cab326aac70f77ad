"""What a caller is told whose request breaks a limit or the protocol: a problem document, and the connection ends."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from adapters.contract.problems import RETRY_SOON, Kind, Problem, problem_of
from adapters.contract.refusals import BodyTooLarge
from adapters.http.limits import HttpLimits
from adapters.metrics.counted import HTTP_REFUSED


@dataclass(frozen=True, slots=True)
class Rejection:
    """`reason` is the metric's label."""

    reason: str
    problem: Problem

    def count(self) -> None:
        HTTP_REFUSED.labels(self.reason).inc()

    def response(self) -> bytes:
        """The whole response, as HTTP/1.1 sends it."""
        answer = self.problem.answer()
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


class Rejections:
    """Every rejection, with the limits as they are set."""

    def __init__(self, limits: HttpLimits) -> None:
        too_large = Kind(431, "headers_too_large", "The headers are too large")
        too_long = Kind(414, "uri_too_long", "The request line is too long")
        self.malformed = Rejection(
            "malformed_request",
            Problem(
                Kind(400, "malformed_request", "The request is no HTTP/1.1"), "The request cannot be read."
            ),
        )
        self.header_bytes = Rejection(
            "header_bytes",
            Problem(too_large, f"Request line and headers hold at most {limits.header_bytes} bytes."),
        )
        self.header_count = Rejection(
            "header_count", Problem(too_large, f"A request has at most {limits.header_count} header lines.")
        )
        self.request_line = Rejection(
            "request_line",
            Problem(too_long, f"A request line holds at most {limits.request_line_bytes} bytes."),
        )
        self.url = Rejection("url", Problem(too_long, f"A URL holds at most {limits.url_bytes} bytes."))
        self.body = Rejection("body", problem_of(BodyTooLarge(limits.body_bytes)))
        late = Kind(408, "request_timeout", "The request took too long")
        self.headers_timeout = Rejection(
            "headers_timeout",
            Problem(late, f"The headers must be there within {limits.headers_timeout:g} seconds."),
        )
        self.body_timeout = Rejection(
            "body_timeout", Problem(late, f"The body must be there within {limits.body_timeout:g} seconds.")
        )
        crowded = Kind(503, "too_many_connections", "There are too many connections")
        self.connections = Rejection(
            "connections", Problem(crowded, "Trying again soon is safe.", headers=RETRY_SOON)
        )
        self.connections_per_client = Rejection(
            "connections_per_client",
            Problem(crowded, "Your address has too many connections open.", headers=RETRY_SOON),
        )


SEND_TIMEOUT = "send_timeout"
MADE_ROOM = "made_room"
WEBSOCKET = "websocket"
"""Reasons why a connection is closed without an answer: nobody reads one, or nobody asked."""


def count_closed(reason: str) -> None:
    HTTP_REFUSED.labels(reason).inc()
