"""Around every request: its trace, its line in the log, and a problem document for whatever goes wrong."""

from __future__ import annotations

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.wire.problems import to_problem
from api.http.request_context import (
    ClientGone,
    RequestContext,
    begin_request,
    send_response,
)
from api.http.request_metrics import RequestMetrics
from domain.shared.errors import CheckoutError
from domain.shared.values import NewId

CLIENT_CLOSED_REQUEST = 499
"""As logs write it; nobody receives it."""

_log = structlog.get_logger("api")


class RequestMiddleware:
    """The only middleware: it sees everything, also unknown routes."""

    def __init__(self, app: ASGIApp, new_id: NewId, requests: RequestMetrics) -> None:
        self._app = app
        self._new_id = new_id
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        exchange = begin_request(scope, self._new_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace=exchange.trace_id)
        correlation = (b"x-correlation-id", exchange.correlation_id.encode("latin-1"))
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], correlation]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientGone:
            status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            if status:
                raise  # half an answer is out already: only closing the connection says so
            await send_response(send_on, to_problem(error).response())
        finally:
            seconds = perf_counter() - began
            self._requests.observe(scope["method"], exchange.route, status, seconds)
            _write_line(scope, exchange, status, seconds)


def _write_line(scope: Scope, exchange: RequestContext, status: int, seconds: float) -> None:
    write = _log.debug if exchange.route.startswith("/health/") else _log.info
    write(
        "request",
        method=scope["method"],
        route=exchange.route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        basket=exchange.basket_id,
        organisation=exchange.partner,
    )
