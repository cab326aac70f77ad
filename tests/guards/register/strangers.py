"""What anybody can do to a port, without a token."""

from __future__ import annotations

from tests.guards.guard import Guard

_LIMITS = "tests/adapters/http/test_limits.py::"
_REFUSED = f"{_LIMITS}test_a_request_beyond_a_limit_gets_a_problem_document_and_the_connection_closes"
_WORK = "tests/cli/test_unauthenticated_cost.py::test_twice_the_input_of_a_stranger_is_at_most_twice_the_work"

STRANGERS = (
    Guard(
        "head-size",
        "endless headers fill the memory",
        "adapters/http/request_head.py",
        "if size > self._max_bytes:",
        "if False:",
        (f"{_REFUSED}[a header without an end]",),
    ),
    Guard(
        "head-lines",
        "thousands of header lines cost more than they weigh",
        "adapters/http/request_head.py",
        'too_many = received.count(b"\\n", 0, size) > self._max_lines',
        "too_many = False",
        (f"{_REFUSED}[too many headers]",),
    ),
    Guard(
        "head-url",
        "a URL is longer than any proxy before us allows",
        "adapters/http/request_head.py",
        "if line > self._max_url and _url_length(received, line) > self._max_url:",
        "if False:",
        (f"{_REFUSED}[a URL that is too long]",),
    ),
    Guard(
        "head-line-ends",
        "a head of bare line feeds never ends, or ends elsewhere than a proxy thinks",
        "adapters/http/request_head.py",
        'bare = received.count(b"\\n", searched) != received.count(b"\\r\\n", max(0, searched - 1))',
        "bare = False",
        (f"{_REFUSED}[lines that end without a carriage return]",),
    ),
    Guard(
        "body-announced",
        "a stranger has a gigabyte announced, and sends it",
        "adapters/http/http_protocol.py",
        "if self._body_left is not None and self._body_left > self._settings.max_body_bytes:",
        "if False:",
        (f"{_REFUSED}[a body that is announced too large]",),
    ),
    Guard(
        "body-framing",
        "a chunk extension or a trailer without end is parsed for ever",
        "adapters/http/http_protocol.py",
        "elif self._framing_bytes > self._settings.http_max_header_bytes + FRAMING * self._body_bytes:",
        "elif False:",
        (f"{_REFUSED}[an endless chunk extension]",),
    ),
    Guard(
        "trailer-is-no-header",
        "a token smuggled in a trailer takes the place of the one that a proxy checked",
        "adapters/http/http_protocol.py",
        "        if self._phase is not PARSING:\n            return  # a trailer",
        "        if False:\n            return  # a trailer",
        (f"{_LIMITS}test_a_request_within_the_limits_is_served_however_it_is_split",),
    ),
    Guard(
        "request-in-a-body",
        "bytes behind a chunked body become a request of the next caller of a proxy's connection",
        "adapters/http/http_protocol.py",
        "        if self._phase is not PARSING:\n            # A request follows",
        "        if False:\n            # A request follows",
        (f"{_LIMITS}test_a_request_in_one_piece_with_a_chunked_body_is_kept_apart_from_it",),
    ),
    Guard(
        "slow-heads",
        "half-sent heads hold connections for ever",
        "adapters/http/http_protocol.py",
        "            self._refuse(self._problems.headers_timeout)\n",
        "            pass\n",
        (f"{_LIMITS}test_an_incomplete_request_times_out[half a head]",),
    ),
    Guard(
        "slow-bodies",
        "half-sent bodies hold connections for ever",
        "adapters/http/http_protocol.py",
        "            self._refuse(self._problems.body_timeout)\n",
        "            pass\n",
        (f"{_LIMITS}test_an_incomplete_request_times_out[half a body]",),
    ),
    Guard(
        "open-connections",
        "a crowd of connections opens more files than the process may",
        "adapters/http/connections.py",
        "full = len(self._open) >= self._settings.http_max_connections and not self._make_room()",
        "full = False",
        (f"{_LIMITS}test_a_new_connection_replaces_the_one_that_is_idle_for_longest",),
    ),
    Guard(
        "websocket-fragments",
        "a message of endless fragments fills the memory",
        "adapters/http/websocket_protocol.py",
        "if len(self.frames) > MAX_FRAGMENTS:",
        "if False:",
        ("tests/adapters/http/test_websockets.py::test_a_message_with_too_many_fragments_closes_the_connection",),
    ),
    Guard(
        "headers-joined-once",
        "a megabyte of repeated headers freezes the process",
        "api/http/headers.py",
        "repeated.setdefault(name, []).append(value)",
        'headers[name] = joined = ", ".join([headers[name], value])\n            assert joined',
        (f"{_WORK}[partner-POST-/partner/checkout/initiate-many tokens]",),
    ),
    Guard(
        "metric-labels",
        "invented methods make a new series of metrics each, until the memory is full",
        "api/http/request_metrics.py",
        'label = method if method in _METHODS else "other"',
        "label = method",
        ("tests/api/http/test_request_metrics.py::test_requests_of_strangers_create_no_metric_series",),
    ),
    Guard(
        "websockets-only-of-the-console",
        "a websocket reaches an application that never asks who it is",
        "api/http/dispatcher.py",
        'if scope["type"] == "websocket" and application is not self._websockets:',
        "if False:",
        ("tests/api/http/test_dispatcher.py::test_a_websocket_reaches_only_the_application_that_takes_them",),
    ),
)
