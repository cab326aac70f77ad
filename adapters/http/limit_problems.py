"""The responses to requests that break a limit or the protocol: a problem document, and the connection ends."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from adapters.metrics.process_metrics import HTTP_REFUSED
from adapters.settings import Settings
from adapters.wire.problems import RETRY_AFTER_ONE_SECOND, Problem, ProblemType, to_problem
from adapters.wire.request_errors import BodyTooLarge

SEND_TIMEOUT = "send_timeout"
MADE_ROOM = "made_room"
WEBSOCKET = "websocket"
"""Reasons to close a connection without a response: nobody reads one, or nobody sent a request."""


def count_closed(reason: str) -> None:
    HTTP_REFUSED.labels(reason).inc()


@dataclass(frozen=True, slots=True)
class LimitProblem:
    """`reason` is the metric's label."""

    reason: str
    problem: Problem

    def count(self) -> None:
        count_closed(self.reason)

    def response(self) -> bytes:
        """The whole response, as HTTP/1.1 sends it."""
        answer = self.problem.response()
        headers = {
            **answer.headers,
            "content-length": str(len(answer.body)),
            "cache-control": "no-store",
            "connection": "close",
        }
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


class LimitProblems:
    """Every problem, with the limits of the settings in its text."""

    def __init__(self, settings: Settings) -> None:
        malformed = ProblemType(400, "malformed_request", "The request is no HTTP/1.1")
        too_large = ProblemType(431, "headers_too_large", "The headers are too large")
        too_long = ProblemType(414, "uri_too_long", "The request line is too long")
        late = ProblemType(408, "request_timeout", "The request took too long")
        crowded = ProblemType(503, "too_many_connections", "There are too many connections")
        self.malformed = _problem("malformed_request", malformed, "The request cannot be read.")
        self.header_bytes = _problem(
            "header_bytes",
            too_large,
            f"Request line and headers hold at most {settings.http_max_header_bytes} bytes.",
        )
        self.header_count = _problem(
            "header_count", too_large, f"A request has at most {settings.http_max_headers} header lines."
        )
        self.request_line = _problem(
            "request_line",
            too_long,
            f"A request line holds at most {settings.http_max_request_line_bytes} bytes.",
        )
        self.url = _problem("url", too_long, f"A URL holds at most {settings.http_max_url_bytes} bytes.")
        self.body = LimitProblem("body", to_problem(BodyTooLarge(settings.max_body_bytes)))
        self.headers_timeout = _problem(
            "headers_timeout",
            late,
            f"The headers must be there within {settings.http_headers_timeout:g} seconds.",
        )
        self.body_timeout = _problem(
            "body_timeout", late, f"The body must be there within {settings.http_body_timeout:g} seconds."
        )
        self.connections = LimitProblem(
            "connections", Problem(crowded, "Trying again soon is safe.", headers=RETRY_AFTER_ONE_SECOND)
        )
        self.connections_per_client = LimitProblem(
            "connections_per_client",
            Problem(crowded, "Your address has too many connections open.", headers=RETRY_AFTER_ONE_SECOND),
        )


def _problem(reason: str, kind: ProblemType, detail: str) -> LimitProblem:
    return LimitProblem(reason, Problem(kind, detail))
