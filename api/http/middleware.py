"""Surrounds every request: its trace, its log line, and a problem document for every error."""

from __future__ import annotations

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.wire.problems import to_problem
from api.http.request_context import ClientDisconnected, RequestContext, begin_request, send_response
from api.http.request_metrics import RequestMetrics
from domain.shared.errors import CheckoutError
from domain.shared.values import NewId

CLIENT_CLOSED_REQUEST = 499
"""Only for logs and metrics: nobody receives it."""

_log = structlog.get_logger("api")


class RequestMiddleware:
    """Also sees requests to unknown routes."""

    def __init__(self, app: ASGIApp, new_id: NewId, requests: RequestMetrics) -> None:
        self._app = app
        self._new_id = new_id
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        context = begin_request(scope, self._new_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace=context.trace_id)
        correlation = (b"x-correlation-id", context.correlation_id.encode("latin-1"))
        status = 0

        async def send_correlated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], correlation]
            await send(message)

        try:
            await self._app(scope, receive, send_correlated)
        except ClientDisconnected:
            status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            if status:
                raise  # half of the response is sent: only closing the connection says that it failed
            await send_response(send_correlated, to_problem(error).response())
        finally:
            seconds = perf_counter() - began
            self._requests.observe(scope["method"], context.route, status, seconds)
            _log_request(scope, context, status, seconds)


def _log_request(scope: Scope, context: RequestContext, status: int, seconds: float) -> None:
    log = _log.debug if context.route.startswith("/health/") else _log.info
    log(
        "request",
        method=scope["method"],
        route=context.route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        basket=context.basket_id,
        organisation=context.partner,
    )
