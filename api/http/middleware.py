"""Surrounds every request: its trace, its log line, and a problem document for every error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.logs import log_request, set_log_context
from adapters.wire.problems import to_problem
from api.http.request_context import ClientDisconnected, RequestContext, begin_request, send_response
from api.http.request_metrics import RequestMetrics
from domain.ports.event_store import RenderedResponse
from domain.shared.errors import CheckoutError
from domain.shared.values import NewId

CLIENT_CLOSED_REQUEST = 499
"""Only for logs and metrics: nobody receives it."""

Respond = Callable[[RequestContext, Scope, Receive], Awaitable[RenderedResponse]]
"""Makes the response to a request. Its errors become problem documents."""

_log = structlog.get_logger("api")


def no_route(_: Scope) -> None:
    """Leaves all requests to the application."""


class RequestMiddleware:
    """Also sees requests to unknown routes.

    Requests that `find_route` knows are answered without the application behind it: a framework's layers cost more
    than a whole update.
    """

    def __init__(
        self,
        app: ASGIApp,
        new_id: NewId,
        requests: RequestMetrics,
        find_route: Callable[[Scope], Respond | None] = no_route,
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._requests = requests
        self._find_route = find_route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        context = begin_request(scope, self._new_id)
        set_log_context(context)
        sending = _Sending(send, context)
        try:
            respond = self._find_route(scope)
            if respond is None:
                await self._app(scope, receive, sending)
            else:
                await sending.respond(await respond(context, scope, receive))
        except ClientDisconnected:
            sending.status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            if sending.status:
                raise  # half of the response is sent: only closing the connection says that it failed
            await sending.respond(to_problem(error).response())
        finally:
            seconds = perf_counter() - began
            self._requests.observe(scope["method"], context.route, sending.status, seconds)
            log_request(
                logging.DEBUG if context.route.startswith("/health/") else logging.INFO,
                trace=context.trace_id,
                method=scope["method"],
                route=context.route,
                status=sending.status,
                seconds=seconds,
                basket=context.basket_id,
                organisation=context.partner,
            )


class _Sending:
    """Sends a response with its correlation id, and knows its status; 0 before it begins."""

    def __init__(self, send: Send, context: RequestContext) -> None:
        self.status = 0
        self._send = send
        self._correlation = (b"x-correlation-id", context.correlation_id.encode("latin-1"))

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], self._correlation]
        await self._send(message)

    async def respond(self, response: RenderedResponse) -> None:
        await send_response(self, response)
