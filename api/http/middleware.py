"""Surrounds every request: its trace, its log line, and a problem document for every error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.response_writer import WHOLE_RESPONSE
from adapters.logs import log_request, set_log_context
from adapters.wire.problems import to_problem
from api.http.request_context import (
    ClientDisconnected,
    RequestContext,
    begin_request,
    send_in_one_piece,
    send_response,
)
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
        try:
            respond = self._find_route(scope)
            if respond is None:
                await self._app(scope, receive, _Observed(send, context))
            else:
                await _send(scope, send, await respond(context, scope, receive), context)
        except ClientDisconnected:
            context.status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            if context.status:
                raise  # half of the response is sent: only closing the connection says that it failed
            await _send(scope, send, to_problem(error).response(), context)
        finally:
            seconds = perf_counter() - began
            method, route, status = scope["method"], context.route, context.status
            self._requests.observe(method, route, status, seconds)
            log_request(
                logging.DEBUG if route.startswith("/health/") else logging.INFO,
                trace=context.trace_id,
                method=method,
                route=route,
                status=status,
                seconds=seconds,
                basket=context.basket_id,
                organisation=context.partner,
            )


async def _send(scope: Scope, send: Send, response: RenderedResponse, context: RequestContext) -> None:
    send_whole = scope.get("extensions", {}).get(WHOLE_RESPONSE)
    if send_whole is None:
        await send_response(_Observed(send, context), response)
        return
    await send_in_one_piece(send_whole, response, context.correlation_id)
    context.status = response.status


class _Observed:
    """Sends an application's messages. It adds the correlation id, and notes the status."""

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._context.status = message["status"]
            correlation = (b"x-correlation-id", self._context.correlation_id.encode("latin-1"))
            message["headers"] = [*message["headers"], correlation]
        await self._send(message)
